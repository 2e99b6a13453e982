"""The double nearest to the true value, for finite arguments at which the function is defined. What overflows is inf.

Each function is evaluated with integers to FAST bits. Where its error could tip the rounding (once in a million calls at the worst,
almost never for most functions) it is evaluated again with twice as many (Ziv 1991). Values that are exactly half way between
two doubles are taken out first, where there are any, so this ends.
"""

from __future__ import annotations

from math import copysign, floor, frexp, inf, isqrt, ldexp
from math import log as about_log
from typing import Callable

from . import fixed, kernels, quick
from .kernels import FAST

Value = tuple[int, int, int]
"""(v, scale, slack): the true value is within slack / 2**scale of v / 2**scale."""

SLACK = 1 << 12
"""Units that a kernel and the steps around it may err, with a wide margin."""


def nearest(value: Value) -> float | None:
    """The double nearest to the value; None if it can't be told."""
    v, scale, slack = value
    if v < 0:
        positive = nearest((-v, scale, slack))
        return None if positive is None else -positive
    drop = v.bit_length() - 53
    if drop < scale - 1074:
        drop = scale - 1074  # a subnormal number
    if drop < 1:
        return None
    half = 1 << drop - 1
    if abs((v & (half << 1) - 1) - half) <= slack:
        return None
    try:
        return ldexp(v + half >> drop, drop - scale)
    except OverflowError:
        return inf


def _settle(value: Callable[..., Value], *arguments: float) -> float:
    """The double nearest to value(bits, *arguments), by as many bits as that takes."""
    total = quick_sum(value, *arguments)
    if total is not None:
        hi, lo = total
        near = hi + lo
        if hi + (lo + hi * quick.SLACK) == near == hi + (lo - hi * quick.SLACK):
            return near
    bits = FAST
    while True:
        result = nearest(value(bits, *arguments))
        if result is not None:
            return result
        bits *= 2


def _parts(x: float) -> tuple[int, int]:
    """(n, scale) such that |x| = n / 2**scale and scale >= 0; x may be an integer of any size."""
    if type(x) is not float:
        return abs(int(x)), 0
    mantissa, exponent = frexp(x)
    n = abs(int(mantissa * 9007199254740992.0))
    scale = 53 - exponent
    return (n, scale) if scale >= 0 else (n << -scale, 0)


def _fixed(x: float, bits: int) -> int:
    """x as a fixed-point number: exact for |x| >= 2**-54 if bits >= 107."""
    mantissa, exponent = frexp(x)
    n = int(mantissa * 9007199254740992.0)
    shift = bits - 53 + exponent
    return n << shift if shift >= 0 else n >> -shift


Settle = Callable[..., float]
"""What makes a double of a value: `_settle`, or something less exact in its place."""


# Exponentials

TINY = 2.0**-54


def exp(x: float, settle: Settle = _settle) -> float:
    """e**x."""
    if not -746.0 < x < 710.0:
        return inf if x > 0.0 else 0.0
    return 1.0 if -TINY < x < TINY else settle(_exp, x)


def _exp(bits: int, x: float) -> Value:
    v, k = kernels.exp(_fixed(x, bits), bits)
    return v, bits - k, SLACK


def exp2(x: float, settle: Settle = _settle) -> float:
    """2**x."""
    if not -1076.0 < x < 1024.0:
        return inf if x > 0.0 else 0.0
    if x == floor(x):
        return ldexp(1.0, int(x))
    return 1.0 if -TINY < x < TINY else settle(_exp2, x)


def _exp2(bits: int, x: float) -> Value:
    v, k = kernels.exp(_fixed(x, bits) * fixed.ln2(bits) >> bits, bits)
    return v, bits - k, SLACK


def expm1(x: float, settle: Settle = _settle) -> float:
    """e**x - 1."""
    if not -40.0 < x < 710.0:
        return inf if x > 0.0 else -1.0
    return x if -TINY < x < TINY else settle(_expm1, x)


def _expm1(bits: int, x: float) -> Value:
    v, k = kernels.exp(_fixed(x, bits), bits)
    one = 1 << bits
    return (v - (one >> k), bits - k, SLACK) if k >= 0 else ((v >> -k) - one, bits, SLACK)


def sinh(x: float, settle: Settle = _settle) -> float:
    """The hyperbolic sine."""
    size = abs(x)
    if size < 2.0**-26:
        return x
    return copysign(settle(_sinh, size) if size < 711.0 else inf, x)


def _sinh(bits: int, x: float) -> Value:
    v, k = kernels.exp(_fixed(x, bits), bits)
    return v - ((1 << 2 * bits) // v >> 2 * k), bits - k + 1, SLACK


def cosh(x: float, settle: Settle = _settle) -> float:
    """The hyperbolic cosine."""
    size = abs(x)
    if size < 2.0**-27:
        return 1.0
    return settle(_cosh, size) if size < 711.0 else inf


def _cosh(bits: int, x: float) -> Value:
    v, k = kernels.exp(_fixed(x, bits), bits)
    return v + ((1 << 2 * bits) // v >> 2 * k), bits - k + 1, SLACK


def tanh(x: float, settle: Settle = _settle) -> float:
    """The hyperbolic tangent."""
    size = abs(x)
    if size < 2.0**-27:
        return x
    return copysign(settle(_tanh, size) if size < 20.0 else 1.0, x)


def _tanh(bits: int, x: float) -> Value:
    v, k = kernels.exp(2 * _fixed(x, bits), bits)
    one = 1 << bits >> k
    return (v - one << bits) // (v + one), bits, SLACK


# Logarithms


def log(x: float, settle: Settle = _settle) -> float:
    """The natural logarithm of a positive number."""
    return 0.0 if x == 1.0 else settle(_log, x)


def _log(bits: int, x: float) -> Value:
    return kernels.log(*_parts(x), bits), bits, SLACK


def log2(x: float, settle: Settle = _settle) -> float:
    """The logarithm to the base 2."""
    n, scale = _parts(x)
    return settle(_log2, x) if n & n - 1 else n.bit_length() - 1.0 - scale


def _log2(bits: int, x: float) -> Value:
    return (kernels.log(*_parts(x), bits) << bits) // fixed.ln2(bits), bits, 2 * SLACK


def log10(x: float, settle: Settle = _settle) -> float:
    """The logarithm to the base 10."""
    return 0.0 if x == 1.0 else settle(_log10, x)


def _log10(bits: int, x: float) -> Value:
    return (kernels.log(*_parts(x), bits) << bits) // kernels.log(10, 0, bits), bits, SLACK


def log1p(x: float, settle: Settle = _settle) -> float:
    """The logarithm of 1 + x."""
    return x if -TINY < x < TINY else settle(_log1p, x)


def _log1p(bits: int, x: float) -> Value:
    n, scale = _parts(x)
    return kernels.log((1 << scale) + (n if x > 0.0 else -n), scale, bits), bits, SLACK


def asinh(x: float, settle: Settle = _settle) -> float:
    """The inverse hyperbolic sine."""
    size = abs(x)
    return x if size < 2.0**-26 else copysign(settle(_asinh, size), x)


def _asinh(bits: int, x: float) -> Value:
    n, scale = _parts(x)
    more = max(bits - scale, 0)
    root = isqrt(n * n + (1 << 2 * scale) << 2 * more)
    return kernels.log((n << more) + root, scale + more, bits), bits, SLACK


def acosh(x: float, settle: Settle = _settle) -> float:
    """The inverse hyperbolic cosine of a number from 1 on."""
    return 0.0 if x == 1.0 else settle(_acosh, x)


def _acosh(bits: int, x: float) -> Value:
    n, scale = _parts(x)
    more = max(bits - scale, 0)
    root = isqrt(n * n - (1 << 2 * scale) << 2 * more)
    return kernels.log((n << more) + root, scale + more, bits), bits, SLACK


def atanh(x: float, settle: Settle = _settle) -> float:
    """The inverse hyperbolic tangent of a number between -1 and 1."""
    size = abs(x)
    return x if size < 2.0**-27 else copysign(settle(_atanh, size), x)


def _atanh(bits: int, x: float) -> Value:
    n, scale = _parts(x)
    one = 1 << scale
    return kernels.log((one + n << bits) // (one - n), bits, bits), bits + 1, SLACK


# Trigonometry


def _reduced(x: float, bits: int) -> tuple[int, int, int]:
    """(quarter turns, sin r, cos r) for |x| = quarter turns + r."""
    mantissa, exponent = frexp(x)
    n = abs(int(mantissa * 9007199254740992.0))
    wide = bits + (max(exponent + 3, 0) + 127) // 128 * 128  # rounded up, so that few values of pi are needed
    pi = fixed.pi(wide)  # pi/2 with one place more
    turns, r = divmod(n << wide - 52 + exponent if wide - 52 + exponent >= 0 else 0, pi)
    if 2 * r > pi:
        turns += 1
        r -= pi
    sine, cosine = kernels.sin_cos(r >> wide + 1 - bits, bits)
    return turns & 3, sine, cosine


def sin(x: float, settle: Settle = _settle) -> float:
    """The sine."""
    size = abs(x)
    if size < 2.0**-26:
        return x
    result = settle(_sin, size)
    return -result if x < 0.0 else result


def _sin(bits: int, x: float) -> Value:
    turns, sine, cosine = _reduced(x, bits)
    v = cosine if turns & 1 else sine
    return -v if turns & 2 else v, bits, SLACK


def cos(x: float, settle: Settle = _settle) -> float:
    """The cosine."""
    return 1.0 if -(2.0**-27) < x < 2.0**-27 else settle(_cos, x)


def _cos(bits: int, x: float) -> Value:
    turns, sine, cosine = _reduced(x, bits)
    v = sine if turns & 1 else cosine
    return -v if turns in (1, 2) else v, bits, SLACK


def tan(x: float, settle: Settle = _settle) -> float:
    """The tangent."""
    size = abs(x)
    if size < 2.0**-27:
        return x
    result = settle(_tan, size)
    return -result if x < 0.0 else result


def _tan(bits: int, x: float) -> Value:
    turns, sine, cosine = _reduced(x, bits)
    if turns & 1:
        sine, cosine = cosine, -sine
    steepness = 1 + (1 << bits) // abs(cosine)
    return (sine << bits) // cosine, bits, SLACK * steepness * steepness


def asin(x: float, settle: Settle = _settle) -> float:
    """The arc sine of a number from -1 to 1."""
    size = abs(x)
    return x if size < 2.0**-26 else copysign(settle(_asin, size), x)


def _asin(bits: int, x: float) -> Value:
    opposite, adjacent = _triangle(bits, x)
    return _angle(bits, opposite, adjacent), bits, SLACK


def acos(x: float, settle: Settle = _settle) -> float:
    """The arc cosine of a number from -1 to 1."""
    return 0.0 if x == 1.0 else settle(_acos, x)


def _acos(bits: int, x: float) -> Value:
    adjacent, opposite = _triangle(bits, x)
    angle = _angle(bits, opposite, adjacent)
    return fixed.pi(bits) - angle if x < 0.0 else angle, bits, SLACK


def _triangle(bits: int, x: float) -> tuple[int, int]:
    """|x| and sqrt(1 - x**2), to one scale."""
    n, scale = _parts(x)
    more = max(bits - scale, 0)
    return n << more, isqrt((1 << 2 * scale) - n * n << 2 * more)


def _angle(bits: int, opposite: int, adjacent: int) -> int:
    """From 0 to pi/2."""
    if opposite <= adjacent:
        return kernels.atan(opposite, adjacent, bits)
    return (fixed.pi(bits) >> 1) - kernels.atan(adjacent, opposite, bits)


def atan(x: float, settle: Settle = _settle) -> float:
    """The arc tangent."""
    size = abs(x)
    return x if size < 2.0**-27 else copysign(settle(_atan, size), x)


def _atan(bits: int, x: float) -> Value:
    n, scale = _parts(x)
    return _angle(bits, n, 1 << scale), bits, SLACK


def atan2(y: float, x: float, settle: Settle = _settle) -> float:
    """The angle of the point (x, y), y not 0."""
    return copysign(settle(_atan2, abs(y), x), y)


def _atan2(bits: int, y: float, x: float) -> Value:
    opposite, scale_y = _parts(y)
    adjacent, scale_x = _parts(x)
    opposite <<= max(scale_x - scale_y, 0)
    adjacent <<= max(scale_y - scale_x, 0)
    if x > 0.0 and opposite << 30 < adjacent:
        return _small_angle(bits + adjacent.bit_length() - opposite.bit_length(), opposite, adjacent)
    angle = _angle(bits, opposite, adjacent)
    return fixed.pi(bits) - angle if x < 0.0 else angle, bits, SLACK


def _small_angle(bits: int, opposite: int, adjacent: int) -> Value:
    """By the series, so that the result has as many bits as a larger one."""
    t = power = (opposite << bits) // adjacent
    square = t * t >> bits
    k, sign, total = 1, 1, 0
    while power:
        total += sign * (power // k)
        power = power * square >> bits
        k += 2
        sign = -sign
    return total, bits, SLACK


# Roots and powers


def cbrt(x: float, settle: Settle = _settle) -> float:
    """The cube root."""
    return x if x == 0.0 else copysign(settle(_cbrt, abs(x)), x)


def _cbrt(bits: int, x: float) -> Value:
    """Never half way: the cube of what is has more than 53 bits."""
    n, scale = _parts(x)
    up = max(180 - n.bit_length(), 0)
    up += (-scale - up) % 3
    return 2 * _integer_cbrt(n << up) + 1, (scale + up) // 3 + 1, 0


def _integer_cbrt(n: int) -> int:
    """The cube root, rounded down."""
    down = max(n.bit_length() - 180, 0) // 3
    root = int((n >> 3 * down) ** (1 / 3)) + 1 << down
    while True:
        better = (2 * root + n // (root * root)) // 3
        if abs(better - root) <= 1:
            break
        root = better
    while root**3 > n:
        root -= 1
    while (root + 1) ** 3 <= n:
        root += 1
    return root


def hypot(*coordinates: float, settle: Settle = _settle) -> float:
    """The root of the sum of the squares."""
    numbers = [_parts(x) for x in coordinates if x]
    if len(numbers) <= 1:
        return abs(sum(coordinates))
    scale = max(scale for _, scale in numbers)
    square = sum((n << scale - its) ** 2 for n, its in numbers)
    root = isqrt(square)
    if root * root == square:
        return _ratio(root, scale)
    root = isqrt(square << 2 * FAST)

    def value(bits: int, *coordinates: float) -> Value:
        return 2 * root + 1, scale + FAST + 1, 0

    return settle(value, *coordinates)


def _ratio(n: int, scale: int) -> float:
    """n / 2**scale, rounded half to even."""
    try:
        return n / (1 << scale)
    except OverflowError:
        return inf


def _settle_pow(value: Callable[..., Value], x: float, y: float) -> float:
    """Powers of few bits may be exactly half way."""
    result = nearest(value(FAST, x, y))
    if result is None:
        result = _exact_pow(x, y)
    return _settle(value, x, y) if result is None else result


def pow(x: float, y: float, settle: Settle = _settle_pow) -> float:
    """x**y for positive x."""
    if x == 1.0 or y == 0.0:
        return 1.0
    mantissa, exponent = frexp(x)
    about = y * (about_log(mantissa * 2.0) + (exponent - 1) * 0.6931471805599453)
    if not -750.0 < about < 712.0:
        return inf if about > 0.0 else 0.0
    if -TINY / 2.0 < about < TINY / 2.0:
        return 1.0
    return settle(_pow, x, y)


def _pow(bits: int, x: float, y: float) -> Value:
    size = int(abs(y)) + 1
    wide = bits if size < 1 << 16 else bits + 64
    n, scale = _parts(y)
    exponent = kernels.log(*_parts(x), wide) * n >> scale + wide - bits
    v, k = kernels.exp(exponent if y > 0.0 else -exponent, bits)
    return v, bits - k, SLACK * size if wide == bits else SLACK


def _exact_pow(x: float, y: float) -> float | None:
    """x**y if it has few enough bits to be a double or half way between two, else None."""
    n, scale = _parts(x)
    exponent = -scale
    while n % 2 == 0:
        n //= 2
        exponent += 1
    times, roots = _parts(y)
    while times % 2 == 0 and roots:
        times //= 2
        roots -= 1
    for _ in range(roots):
        root = isqrt(n)
        if root * root != n or exponent % 2:
            return None
        n, exponent = root, exponent // 2
    if y < 0.0:
        if n != 1:
            return None
        times = -times
    if n > 1 and times > 64:
        return None
    exponent *= times
    n = n**times if n > 1 else 1
    return _ratio(n << max(exponent, 0), max(-exponent, 0))


# The error function


def erf(x: float, settle: Settle = _settle) -> float:
    """The error function."""
    size = abs(x)
    if size == 0.0:
        return x
    return copysign(settle(_erf, size) if size < 6.0 else 1.0, x)


def _erf(bits: int, x: float) -> Value:
    bits += max(-frexp(x)[1], 0)
    return _erf_series(_fixed(x, bits), bits), bits, SLACK


def _erf_series(x: int, bits: int) -> int:
    """2/sqrt(pi) exp(-x**2) sum of 2**n x**(2n+1) / (1 3 5 ... (2n+1)): all terms are positive."""
    square = 2 * x * x >> bits
    total = term = x
    n = 1
    while term:
        n += 2
        term = (term * square >> bits) // n
        total += term
    v, k = kernels.exp(-(x * x >> bits), bits)
    total = total * v >> bits
    total = total << k if k >= 0 else total >> -k
    return (total << bits + 1) // isqrt(fixed.pi(bits) << bits)


def erfc(x: float, settle: Settle = _settle) -> float:
    """1 - erf(x), without cancellation."""
    if not -6.0 < x < 27.3:
        return 0.0 if x > 0.0 else 2.0
    if -TINY < x < TINY / 4.0:
        return 1.0
    return settle(_erfc, x)


def _erfc(bits: int, x: float) -> Value:
    if x > 1.0:
        bits += int(x * x * 1.4427) + 16  # that the subtraction takes
    series = _erf_series(_fixed(abs(x), bits), bits)
    return (1 << bits) - (series if x > 0.0 else -series), bits, SLACK


_QUICK: dict[Callable[..., Value], Callable[[float], quick.Sum]] = {_sin: quick.sin, _cos: quick.cos, _exp: quick.exp, _log: quick.log}


def quick_sum(value: Callable[..., Value], x: float, *rest: float) -> quick.Sum:
    """What `value` evaluates as hi + lo, see `quick`, where there is such a form."""
    function = _QUICK.get(value)
    return function(x) if function is not None and type(x) is float else None
