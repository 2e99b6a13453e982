"""CPython's `math` on top of a C library: which function calls which, and what becomes an exception.

`math_module` is to a table of C functions what CPython's mathmodule.c is to libm, in the versions 3.8 to 3.14
(https://github.com/python/cpython). C functions never raise; CPython turns NaN from a number into ValueError, infinity from
a finite number into OverflowError or ValueError. What does not depend on the C library (fsum, comb, fmod, sqrt, ...) is this
interpreter's own.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Mapping
from math import copysign, floor, fmod, inf, isinf, ldexp, nan
from types import ModuleType
from typing import Any

Libm = Mapping[str, Callable[..., float]]
"""C's functions of doubles, by name: acos, acosh, ..., atan2, hypot, pow. Nothing in them raises."""

DOMAIN = "math domain error"
RANGE = "math range error"
_PLAIN = (
    *("acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "erf", "erfc"),
    *("exp", "exp2", "expm1", "sin", "sinh", "tan", "tanh"),
)
LIBM = (*_PLAIN, "log", "log10", "log1p", "log2", "atan2", "hypot", "pow")
"""What a platform's C library must have."""

_CAN_OVERFLOW = {"cosh", "exp", "exp2", "expm1", "sinh"}
SINCE = {"cbrt": (3, 11), "exp2": (3, 11), "sumprod": (3, 12), "fma": (3, 13)}
"""Functions of `math` that appeared in a version."""


def math_module(libm: Libm, python: tuple[int, int]) -> ModuleType:
    """`math` as CPython of that version has it on a platform with that C library."""
    module = ModuleType("math", math.__doc__)
    names = {name: value for name, value in vars(math).items() if not name.startswith("_")}
    for name in _PLAIN:
        names[name] = _plain(name, libm[name], name in _CAN_OVERFLOW)
    names.update(
        log=_log(libm["log"]),
        log2=_log_of_base("log2", libm["log2"]),
        log10=_log_of_base("log10", libm["log10"]),
        log1p=_log1p(libm["log1p"]),
        atan2=_atan2(libm["atan2"]),
        pow=_pow(libm["pow"]),
        gamma=_gamma(libm),
        lgamma=_lgamma(libm),
    )
    vars(module).update(names)
    return of_version(module, python)


def of_version(module: ModuleType, python: tuple[int, int]) -> ModuleType:
    """`math` as that version of CPython has it on the same C library; the same module if that changes nothing."""
    if python == sys.version_info[:2]:
        return module
    names = {name: value for name, value in vars(module).items() if not name.startswith("_") and python >= SINCE.get(name, (0,))}
    if python < (3, 10):
        names.update(hypot=_old_hypot, dist=_old_dist)
    made = ModuleType("math", module.__doc__)
    vars(made).update(names)
    return made


def real(x: Any) -> float:
    """The argument as a double, converted and refused as `math` does."""
    return x if type(x) is float else ldexp(x, 0)


def _named(name: str, function: Callable[..., float]) -> Callable[..., float]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = getattr(math, name).__doc__ if hasattr(math, name) else None
    return function


def _plain(name: str, c_function: Callable[[float], float], can_overflow: bool) -> Callable[..., float]:
    def function(x: Any, /) -> float:
        if type(x) is not float:
            x = ldexp(x, 0)
        result = c_function(x)
        if result - result != 0.0:  # inf or nan
            if result != result:
                if x == x:
                    raise ValueError(DOMAIN)
            elif x - x == 0.0:
                raise OverflowError(RANGE) if can_overflow else ValueError(DOMAIN)
        return result

    return _named(name, function)


def _log_of_base(name: str, c_log: Callable[[float], float]) -> Callable[..., float]:
    """math.log2, math.log10, and math.log with one argument; integers may be larger than any double."""

    def function(x: Any, /) -> float:
        if type(x) is not float:
            if isinstance(x, int):
                return of_integer(x)
            x = ldexp(x, 0)
        if x > 0.0:
            return c_log(x) if x < inf else inf
        if x != x:
            return nan if type(x) is not float else float(x)
        raise ValueError(DOMAIN)

    def of_integer(x: int) -> float:
        if x <= 0:
            raise ValueError(DOMAIN)
        try:
            return c_log(float(x))
        except OverflowError:
            mantissa, exponent = _frexp_of_integer(x)
            return c_log(mantissa) + c_log(2.0) * exponent

    return _named(name, function)


def _frexp_of_integer(x: int) -> tuple[float, int]:
    """x ~ mantissa * 2**exponent, the mantissa in [0.5, 1) and rounded half to even."""
    exponent = x.bit_length()
    mantissa = x / (1 << exponent)
    return (0.5, exponent + 1) if mantissa == 1.0 else (mantissa, exponent)


def _log(c_log: Callable[[float], float]) -> Callable[..., float]:
    natural = _log_of_base("log", c_log)

    def log(x: Any, *base: Any) -> float:
        if not base:
            return natural(x)
        if len(base) > 1:
            raise TypeError(f"log expected at most 2 arguments, got {1 + len(base)}")
        numerator = natural(x)
        return numerator / natural(base[0])

    return _named("log", log)


def _log1p(c_log1p: Callable[[float], float]) -> Callable[..., float]:
    return _plain("log1p", lambda x: x if x == 0.0 else c_log1p(x), False)


def c_atan2(c_function: Callable[[float, float], float], y: float, x: float) -> float:
    """atan2 with C99's special cases, which CPython does itself."""
    if x != x or y != y:
        return nan
    if isinf(y):
        if isinf(x):
            return copysign((0.25 if x > 0.0 else 0.75) * math.pi, y)
        return copysign(0.5 * math.pi, y)
    if isinf(x) or y == 0.0:
        return copysign(0.0 if copysign(1.0, x) == 1.0 else math.pi, y)
    return c_function(y, x)


def _atan2(c_function: Callable[[float, float], float]) -> Callable[..., float]:
    def atan2(y: Any, x: Any, /) -> float:
        return c_atan2(c_function, real(y), real(x))

    return _named("atan2", atan2)


def _pow(c_pow: Callable[[float, float], float]) -> Callable[..., float]:
    def pow(x: Any, y: Any, /) -> float:
        x, y = real(x), real(y)
        if x - x != 0.0 or y - y != 0.0:
            return float(math.pow(x, y))  # special cases only
        result = c_pow(x, y)
        if result - result != 0.0:
            if result != result or x == 0.0:
                raise ValueError(DOMAIN)
            raise OverflowError(RANGE)
        return result

    return _named("pow", pow)


# gamma and lgamma: Lanczos' approximation (Boost's coefficients for 13 terms), as mathmodule.c has it.

LANCZOS_G = 6.024680040776729583740234375
LANCZOS_G_MINUS_HALF = 5.524680040776729583740234375
LANCZOS_NUMERATOR = (
    23531376880.410759688572007674451636754734846804940,
    42919803642.649098768957899047001988850926355848959,
    35711959237.355668049440185451547166705960488635843,
    17921034426.037209699919755754458931112671403265390,
    6039542586.3520280050642916443072979210699388420708,
    1439720407.3117216736632230727949123939715485786372,
    248874557.86205415651146038641322942321632125127801,
    31426415.585400194380614231628318205362874684987640,
    2876370.6289353724412254090516208496135991145378768,
    186056.26539522349504029498971604569928220784236328,
    8071.6720023658162106380029022722506138218516325024,
    210.82427775157934587250973392071336271166969580291,
    2.5066282746310002701649081771338373386264310793408,
)
LANCZOS_DENOMINATOR = (
    0.0, 39916800.0, 120543840.0, 150917976.0, 105258076.0, 45995730.0, 13339535.0, 2637558.0, 357423.0, 32670.0, 1925.0, 66.0, 1.0,
)  # fmt: skip
LOG_PI = 1.144729885849400174143427351353058711647


def _lanczos_sum(x: float) -> float:
    numerator = denominator = 0.0
    if x < 5.0:
        for a, b in zip(reversed(LANCZOS_NUMERATOR), reversed(LANCZOS_DENOMINATOR), strict=True):
            numerator = numerator * x + a
            denominator = denominator * x + b
    else:
        for a, b in zip(LANCZOS_NUMERATOR, LANCZOS_DENOMINATOR, strict=True):
            numerator = numerator / x + a
            denominator = denominator / x + b
    return numerator / denominator


def _sin_pi(libm: Libm, x: float) -> float:
    """sin(pi x), exact for integers."""
    y = fmod(abs(x), 2.0)
    quarter = int(2.0 * y + 0.5)  # C's round; 2y >= 0
    if quarter == 0:
        result = libm["sin"](math.pi * y)
    elif quarter == 1:
        result = libm["cos"](math.pi * (y - 0.5))
    elif quarter == 2:
        result = libm["sin"](math.pi * (1.0 - y))
    elif quarter == 3:
        result = -libm["cos"](math.pi * (y - 1.5))
    else:
        result = libm["sin"](math.pi * (y - 2.0))
    return copysign(1.0, x) * result


def _gamma(libm: Libm) -> Callable[..., float]:
    c_exp, c_pow = libm["exp"], libm["pow"]

    def gamma(x: Any, /) -> float:
        x = real(x)
        if x != x or x == inf:
            return float(x)
        if x == -inf or x == 0.0:
            raise ValueError(DOMAIN)
        if x == floor(x):
            if x < 0.0:
                raise ValueError(DOMAIN)
            if x <= 23.0:
                return float(math.factorial(int(x) - 1))
        size = abs(x)
        if size < 1e-20:
            return finite(1.0 / x)
        if size > 200.0:
            if x < 0.0:
                return 0.0 / _sin_pi(libm, x)
            raise OverflowError(RANGE)
        y = size + LANCZOS_G_MINUS_HALF
        large, small = max(size, LANCZOS_G_MINUS_HALF), min(size, LANCZOS_G_MINUS_HALF)
        z = (y - large) - small
        z = z * LANCZOS_G / y
        if x < 0.0:
            result = -math.pi / _sin_pi(libm, size) / size * c_exp(y) / _lanczos_sum(size)
            result -= z * result
            if size < 140.0:
                result /= c_pow(y, size - 0.5)
            else:
                root = c_pow(y, size / 2.0 - 0.25)
                result /= root
                result /= root
        else:
            result = _lanczos_sum(size) / c_exp(y)
            result += z * result
            if size < 140.0:
                result *= c_pow(y, size - 0.5)
            else:
                root = c_pow(y, size / 2.0 - 0.25)
                result *= root
                result *= root
        return finite(result)

    def finite(result: float) -> float:
        if isinf(result):
            raise OverflowError(RANGE)
        return result

    return _named("gamma", gamma)


def _lgamma(libm: Libm) -> Callable[..., float]:
    c_log = libm["log"]

    def lgamma(x: Any, /) -> float:
        x = real(x)
        if x != x:
            return float(x)
        if isinf(x):
            return inf
        if x == floor(x) and x <= 2.0:
            if x <= 0.0:
                raise ValueError(DOMAIN)
            return 0.0
        size = abs(x)
        if size < 1e-20:
            return -c_log(size)
        result: float = c_log(_lanczos_sum(size)) - LANCZOS_G
        result += (size - 0.5) * (c_log(size + LANCZOS_G - 0.5) - 1)
        if x < 0.0:
            result = LOG_PI - c_log(abs(_sin_pi(libm, size))) - c_log(size) - result
        if isinf(result):
            raise OverflowError(RANGE)
        return result

    return _named("lgamma", lgamma)


# hypot and dist before 3.10: scaled by the largest, the squares summed as Neumaier does, without the final correction.


def _old_norm(sizes: list[float]) -> float:
    largest = max(sizes, default=0.0)
    if inf in sizes:
        return inf
    if any(size != size for size in sizes):
        return nan
    if largest == 0.0 or len(sizes) <= 1:
        return largest
    total, lost = 1.0, 0.0
    for size in sizes:
        square = (size / largest) * (size / largest)
        before = total
        total += square
        lost += (before - total) + square
    return largest * math.sqrt(total - 1.0 + lost)


def _old_hypot(*coordinates: Any) -> float:
    return _old_norm([abs(real(x)) for x in coordinates])


def _old_dist(p: Iterable[Any], q: Iterable[Any], /) -> float:
    p, q = tuple(p), tuple(q)
    if len(p) != len(q):
        raise ValueError("both points must have the same number of dimensions")
    return _old_norm([abs(real(x) - real(y)) for x, y in zip(p, q, strict=True)])


# The operator **, and sum.


def float_pow(libm: Libm, to_complex: Callable[[complex, complex], complex]) -> Callable[[float, float], float | complex]:
    """x**y for doubles, as floatobject.c has it; a negative number to a fractional power is complex."""
    c_pow = libm["pow"]

    def power(x: float, y: float) -> float | complex:
        if x - x != 0.0 or y - y != 0.0 or x == 0.0 or y == 0.0:
            result: float | complex = x**y  # special cases only, ZeroDivisionError among them
            return result
        negative = False
        if x < 0.0:
            if y != floor(y):
                return to_complex(complex(x), complex(y))
            negative = fmod(y, 2.0) != 0.0
            x = -x
        if x == 1.0:
            return -1.0 if negative else 1.0
        result = c_pow(x, y)
        if result == inf:
            raise OverflowError(34, "Numerical result out of range")
        return -result if negative else result

    return power


def complex_pow(libm: Libm, sets_errno: bool) -> Callable[[complex, complex], complex]:
    """a**b for complex numbers, as complexobject.c has it. Where sin and cos set errno, an infinite phase is an error."""
    c_hypot, c_pow, c_atan2, c_exp, c_log = (libm[name] for name in ("hypot", "pow", "atan2", "exp", "log"))
    c_sin, c_cos = libm["sin"], libm["cos"]

    def power(a: complex, b: complex) -> complex:
        if b.imag == 0.0 and abs(b.real) <= 100.0 and b.real == floor(b.real):
            return a**b  # by repeated multiplication: the same on every platform
        if a == 0 or not all(part - part == 0.0 for part in (a.real, a.imag, b.real, b.imag)):
            return a**b  # NaN, or an error
        size = c_hypot(a.real, a.imag)
        length = c_pow(size, b.real)
        angle = c_atan2(a.imag, a.real)
        phase = angle * b.real
        if b.imag != 0.0:
            length /= c_exp(angle * b.imag)
            phase += b.imag * c_log(size)
        if sets_errno and isinf(phase):
            raise ZeroDivisionError("0.0 to a negative or complex power")
        result = complex(length * c_cos(phase), length * c_sin(phase))
        if isinf(result.real) or isinf(result.imag):
            raise OverflowError("complex exponentiation")
        return result

    return power


def operator_pow(libm: Libm, sets_errno: bool) -> Callable[..., Any]:
    """The built-in pow, and `**`: floats, complex numbers and negative powers of integers by the platform; the rest as it is."""
    of_complex = complex_pow(libm, sets_errno)
    of_floats = float_pow(libm, of_complex)
    integers, reals, numbers = (int, bool), (float, int, bool), (float, int, bool, complex)

    def power(x: Any, y: Any, modulus: Any = None, /) -> Any:
        if type(x) is float and type(y) is float and modulus is None:
            return of_floats(x, y)
        if modulus is not None:
            return pow(x, y, modulus)
        kind_x, kind_y = type(x), type(y)
        if kind_x in reals and kind_y in reals:
            if kind_x in integers and kind_y in integers and (y >= 0 or x == 0):
                return x**y
            return of_floats(float(x), float(y))
        if kind_x in numbers and kind_y in numbers:
            return of_complex(complex(x), complex(y))
        return x**y

    return power


def absolute(libm: Libm) -> Callable[[Any], Any]:
    """The built-in abs: of complex numbers by the platform's hypot."""
    c_hypot = libm["hypot"]

    def absolute(z: Any, /) -> Any:
        if type(z) is not complex or z.real - z.real != 0.0 or z.imag - z.imag != 0.0:
            return abs(z)
        result = c_hypot(z.real, z.imag)
        if isinf(result):
            raise OverflowError("absolute value too large")
        return result

    return absolute
