"""BOINC's platforms."""

SYSTEMS = {
    "x86_64-pc-linux-gnu": ("Linux Debian", "GenuineIntel", "Intel(R) Core(TM) i5-8500 CPU @ 3.00GHz"),
    "aarch64-unknown-linux-gnu": ("Linux Debian", "ARM", "ARM Cortex-A72"),
    "windows_x86_64": ("Microsoft Windows 11", "GenuineIntel", "Intel(R) Core(TM) i7-9700 CPU @ 3.00GHz"),
    "x86_64-apple-darwin": ("Darwin", "GenuineIntel", "Intel(R) Core(TM) i7-8850H CPU @ 2.60GHz"),
    "arm64-apple-darwin": ("Darwin", "Apple", "Apple M1"),
}
"""Each with an operating system, processor vendor and model as a typical host of it reports them."""
