class Input:
    """children: further calls that the master makes when it handles the result.  fails: the slave raises.

    reads: data files, with a number each by which the output is multiplied.  writes: the slave writes a file.
    """

    def __init__(self, value, children=0, fails=False, reads=(), writes=False):
        self.value = value
        self.children = children
        self.fails = fails
        self.reads = reads
        self.writes = writes


class Output:
    """level: a float, whose last bits are the host's own."""

    def __init__(self, value, children, level):
        self.value = value
        self.children = children
        self.level = level
