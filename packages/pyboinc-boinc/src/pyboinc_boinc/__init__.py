"""PyBOINC on a real BOINC project."""
