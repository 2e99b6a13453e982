class Input:
    """children: further calls that the master makes when it handles the result.  fails: the slave raises."""

    def __init__(self, value, children=0, fails=False):
        self.value = value
        self.children = children
        self.fails = fails


class Output:
    def __init__(self, value, children):
        self.value = value
        self.children = children
