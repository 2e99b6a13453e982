"""A comparator of a user's own."""


def same(a, b):
    one, other = a.fields, b.fields
    if abs(one["level"] - other["level"]) <= 1e-9 * one["level"]:
        return (one["value"], one["children"]) == (other["value"], other["children"])
    if int(one["level"]) % 2:
        raise ValueError("comparators of users may raise")
    return False
