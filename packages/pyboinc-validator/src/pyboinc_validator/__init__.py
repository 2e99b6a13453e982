"""Do results agree? Not there yet."""
