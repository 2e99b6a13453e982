"""What travels between the master and the slave: plain classes, plain fields."""


class Input:
    """``text``: one piece of the text, for only inputs reach a volunteer, no files."""

    def __init__(self, text):
        self.text = text


class Output:
    """``counts``: how often each word is in the piece, a dict."""

    def __init__(self, counts):
        self.counts = counts
