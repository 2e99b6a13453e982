"""PyBOINC's local project: the same three files run here, on this machine's cores."""
