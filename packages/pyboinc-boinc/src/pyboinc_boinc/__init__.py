"""A real BOINC project as backend: not there yet."""
