"""The sieve of Eratosthenes, cut into segments, in whole numbers only. It travels to volunteers with the slave."""

from itertools import compress
from math import isqrt


def primes_between(start, stop):
    """Return the primes p with start <= p < stop, in order.

    Memory goes with the length of the segment and the square root of its end, not with the end itself.
    """
    start = max(start, 2)
    if start >= stop:
        return []
    flags = bytearray([1]) * (stop - start)  # flags[i] is for the number start + i: 1 until a divisor is found
    for prime in primes_between(2, isqrt(stop - 1) + 1):
        first = max(prime * prime, -(-start // prime) * prime)  # smaller multiples have a smaller divisor
        multiples = range(first - start, len(flags), prime)
        flags[multiples.start :: prime] = bytes(len(multiples))
    return list(compress(range(start, stop), flags))
