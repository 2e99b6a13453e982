"""Do results agree? See `quorum` and `comparators`."""
