"""Homogeneous redundancy classes are BOINC's numbers."""

import pytest

from pyboinc_local.server.hr import UNKNOWN, hr_class
from pyboinc_local.server.rows import HR_COARSE, HR_FINE, HR_NONE, Host

LINUX, WINDOWS, DARWIN, FREEBSD, ANDROID = 256, 384, 512, 640, 768


def host(os_name, vendor, model=""):
    return Host(1, 1, ("x",), os_name, vendor, model)


@pytest.mark.parametrize(
    ("os_name", "vendor", "model", "fine", "coarse"),
    [
        ("Linux Debian", "GenuineIntel", "Intel(R) Core(TM) i7-8700", LINUX + 21, LINUX + 2),
        ("Microsoft Windows 11", "GenuineIntel", "Intel(R) Xeon(R) E5", WINDOWS + 11, WINDOWS + 2),
        ("Microsoft Windows 10", "AuthenticAMD", "AMD Ryzen 9 5950X", WINDOWS + 3, WINDOWS + 2),
        ("Linux", "AuthenticAMD", "AMD Athlon(tm) 64 X2", LINUX + 9, LINUX + 2),
        ("Linux", "AuthenticAMD", "AMD Opteron(tm) 6272", LINUX + 8, LINUX + 2),
        ("Linux", "GenuineIntel", "Intel(R) Celeron(R) M processor", LINUX + 18, LINUX + 2),
        ("Linux", "GenuineIntel", "Intel(R) Pentium(R) 4 CPU", LINUX + 16, LINUX + 2),
        ("Linux", "GenuineIntel", "Pentium III", LINUX + 15, LINUX + 2),
        ("Linux", "GenuineIntel", "Pentium II", LINUX + 14, LINUX + 2),
        ("Windows", "GenuineIntel", "x86 Family 6 Model 10 Stepping 1", WINDOWS + 11, WINDOWS + 2),
        ("Windows", "GenuineIntel", "x86 Family 6 Model 11 Stepping 1", WINDOWS + 13, WINDOWS + 2),  # BOINC finds Model 1 first
        ("Darwin", "GenuineIntel", "Intel(R) Core(TM) i5", DARWIN + 21, DARWIN + 2),
        ("Darwin", "Power Macintosh", "Power Macintosh", DARWIN + 4, DARWIN + 4),
        ("Darwin", "Apple", "Apple M1", UNKNOWN, UNKNOWN),
        ("Darwin", "ARM", "Apple M1", DARWIN + 22, UNKNOWN),
        ("Linux", "ARM", "ARMv7 Processor", LINUX + 22, LINUX + 22),
        ("Linux", "", "ARMv8 Processor", UNKNOWN, LINUX + 22),  # only coarse looks at the model
        ("Linux", "", "armv8", UNKNOWN, LINUX + 1),
        ("FreeBSD", "GenuineIntel", "Intel Core", FREEBSD + 21, UNKNOWN),
        ("Android", "ARM", "", ANDROID + 22, UNKNOWN),
        ("SunOS", "GenuineIntel", "Intel Core", UNKNOWN, UNKNOWN),
    ],
)
def test_classes(os_name, vendor, model, fine, coarse):
    each = host(os_name, vendor, model)
    assert (hr_class(each, HR_NONE), hr_class(each, HR_FINE), hr_class(each, HR_COARSE)) == (0, fine, coarse)


def test_an_unknown_type_is_refused():
    with pytest.raises(ValueError, match="must be 0"):
        hr_class(host("Linux", "AMD"), 3)
