"""Which number below a limit takes longest to come down to 1? Halve what is even, else triple it and add one."""

import sys

import pyboinc


def steps(number):
    count = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        count += 1
    return count, number


def longest_between(ends):
    """The most steps of a number between the two ends, and that number."""
    start, stop = ends
    return max((steps(number)[0], -number) for number in range(start, stop))


def longer(one, other):
    return max(one, other)


if __name__ == "__main__":
    limit = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdecimal() else 100_000
    parts = ((start, min(start + 1000, limit)) for start in range(1, limit, 1000))
    count, number = pyboinc.map_reduce(longest_between, longer, parts, chunk=5, batch="calls")
    print(f"{-number:,} takes {count} steps, more than any other number below {limit:,}")
