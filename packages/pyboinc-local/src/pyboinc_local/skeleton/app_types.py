"""What travels between master and slave: plain classes; see README.md for what they may hold."""


class Row:
    def __init__(self, number, rows):
        self.number = number
        self.rows = rows


class Inside:
    def __init__(self, number, points):
        self.number = number
        self.points = points
