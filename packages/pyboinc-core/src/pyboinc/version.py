"""The version of all five packages: the other four read it here when they are built."""

__version__ = "0.1.0"
