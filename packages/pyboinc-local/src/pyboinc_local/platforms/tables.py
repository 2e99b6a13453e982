"""The tables of Arm's table-driven exp, log, log2 and pow, which musl 1.2 and glibc from 2.28 on share.

Published with Arm's optimized-routines (S. Nagy, 2018). Entries are computed here from their definition, with integers; only the
choice of the points at which log is tabulated is data, since it came from a search.
"""

from __future__ import annotations

import struct
from math import frexp, ldexp

from pyboinc.exactmath import fixed

BITS = 120
_ONE = 1 << BITS


def bits_of(x: float) -> int:
    """The 64 bits of a double as an integer."""
    return int(struct.unpack("<q", struct.pack("<d", x))[0]) & 0xFFFFFFFFFFFFFFFF


def double_of(bits: int) -> float:
    """The double with these 64 bits."""
    return float(struct.unpack("<d", struct.pack("<Q", bits))[0])


def doubles(text: str) -> list[float]:
    """Doubles written in hexadecimal, as papers and libraries print their constants."""
    return [float.fromhex(word) for word in text.split()]


def _double(numerator: int, bits: int = BITS) -> float:
    """numerator / 2**bits, correctly rounded."""
    return numerator / (1 << bits)


def _scaled(x: float) -> int:
    mantissa, exponent = frexp(x)
    return int(ldexp(mantissa, 53)) << BITS + exponent - 53


def _log(x: float) -> int:
    return fixed.log(_scaled(x), BITS)


def _grid(value: int, places: int) -> int:
    """value, rounded to a multiple of 2**-places."""
    unit = 1 << BITS - places
    return (value + unit // 2) // unit * unit


def powers(count: int) -> tuple[list[float], list[float]]:
    """H ~ 2**(k/count), and T such that H (1 + T) is closer, for k from 0 to count - 1."""
    heads, tails = [], []
    for k in range(count):
        value = fixed.exp(fixed.ln2(BITS) * k // count, BITS)
        head = _double(value)
        heads.append(head)
        tails.append(_double(((value - _scaled(head)) << BITS) // _scaled(head)) if k else 0.0)
    return heads, tails


def _points(start: float, offsets: tuple[int, ...]) -> list[float]:
    """1/c near the centre of each of the subintervals into which [start, 2 start) is split, by the offset in units of the last place."""
    first, width = bits_of(start), (1 << 52) // len(offsets)
    found = []
    for i, offset in enumerate(offsets):
        centre = (double_of(first + i * width) + double_of(first + (i + 1) * width)) / 2
        found.append(double_of(bits_of(1 / centre) + offset))
    return found


def log_points(start: float, offsets: tuple[int, ...], base: int, places: int) -> list[tuple[float, float, float, float]]:
    """Rows (1/c, log c, c, c - (c as a double)) with log c in units of `base`, rounded to so many binary places."""
    rows = []
    for inverse in _points(start, offsets):
        c = (_ONE << BITS) // _scaled(inverse)
        high = _double(c)
        logarithm = -_log(inverse) if base == _ONE else (-_log(inverse) << BITS) // base
        rows.append((inverse, _double(_grid(logarithm, places)), high, _double(c - _scaled(high))))
    return rows


def pow_points(start: float, count: int) -> list[tuple[float, float, float]]:
    """Rows (1/c, log c rounded to 43 places, the rest of log c); 1/c is a multiple of 1/count, of half of that below 1."""
    first, width = bits_of(start), (1 << 52) // count
    rows = []
    for i in range(count):
        centre = (_scaled(double_of(first + i * width)) + _scaled(double_of(first + (i + 1) * width))) // 2
        scale = count if centre < _ONE else 2 * count
        nearest = (2 * scale * _ONE + centre) // (2 * centre)
        inverse = nearest / scale
        value = -_log(inverse)
        head = _grid(value, 43)
        rows.append((inverse, _double(head), _double(value - head)))
    return rows


LN2 = fixed.ln2(BITS)
LOG_OFFSETS = (
    -23142382,
    -57643754,
    -234334839,
    -124664804,
    19045012,
    -123323398,
    -501163255,
    342479926,
    -234593306,
    57421184,
    513617488,
    -240891478,
    85169741,
    28659150,
    284053799,
    342563057,
    -68420459,
    -346144712,
    -90113766,
    -464022980,
    285342708,
    -489548825,
    376054848,
    47397812,
    -423637851,
    -260988534,
    336107021,
    448241578,
    154177355,
    447893384,
    241227555,
    -420636714,
    -218426730,
    -96876684,
    -205835218,
    -368178198,
    -345128710,
    -510284502,
    481763731,
    209336112,
    429336310,
    15489329,
    442353177,
    -417834330,
    73183371,
    515232680,
    507984536,
    83787275,
    330409952,
    151596684,
    377744204,
    198302857,
    214798271,
    -345957716,
    356163107,
    215510022,
    -229897960,
    -131709726,
    215213618,
    -464519207,
    -332821996,
    385780520,
    -400344786,
    256208139,
    478356527,
    345720337,
    128466877,
    217515751,
    -162048343,
    295127580,
    -235892775,
    -69369347,
    93666841,
    -272860130,
    91915174,
    29018059,
    258893229,
    386009280,
    -241633007,
    68399381,
    386341370,
    408940642,
    65060217,
    -120872168,
    189498853,
    -32395328,
    -49955913,
    154042178,
    -346113480,
    148348366,
    -396488327,
    -427431396,
    107119491,
    -500798201,
    212184347,
    305888811,
    -330297730,
    -91422864,
    6707636,
    273897542,
    -512931067,
    -500150233,
    485589437,
    -280752730,
    106848032,
    30953893,
    -291342514,
    -408884927,
    149302919,
    -107851081,
    225432558,
    460497078,
    -452391632,
    -490679353,
    508304210,
    493208081,
    336502878,
    526975298,
    -457361038,
    -312310462,
    -365194252,
    -421357131,
    362015322,
    310793228,
    -441535439,
    -69145545,
    -528727990,
    433364383,
)
"""log: 1/c of each of 128 subintervals of [0.6875, 1.375), in units of the last place from 1/centre."""

LOG2_OFFSETS = (
    -328544708,
    -74476326,
    1021141498,
    -931182196,
    504379064,
    -335614843,
    -283118344,
    -758775068,
    270002250,
    -664773176,
    119721058,
    -796885113,
    398067151,
    688888268,
    -781335381,
    311471183,
    513703399,
    419598957,
    649865984,
    408218657,
    174518592,
    571646530,
    435428157,
    -216810764,
    -991209262,
    -690557345,
    -1030886551,
    398740487,
    66223972,
    932406211,
    967645063,
    -979151458,
    -28036586,
    -817826823,
    -365698287,
    -981846215,
    -1065532483,
    -332011688,
    201404552,
    363032081,
    -137453701,
    900509459,
    -327015489,
    -795511436,
    214218588,
    759630975,
    -488691505,
    -693136430,
    -418196895,
    -982645419,
    -1031413185,
    767668918,
    191094814,
    358029168,
    -1027234167,
    -92054101,
    -59776880,
    -273556791,
    -87604962,
    -82950621,
    1000733367,
    46436578,
    255011079,
    359290331,
)
"""log2: the same for 64."""
