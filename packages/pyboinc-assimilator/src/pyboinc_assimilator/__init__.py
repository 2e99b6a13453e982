"""Brings what became of each job to its batch directory, exactly once."""
