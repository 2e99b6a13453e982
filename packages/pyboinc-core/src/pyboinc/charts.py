"""Plots as inline SVG, coloured by the classes of the page that holds them. Pure; every text is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 28, 14, 46
MOST_POINTS = 400  # of a line: more are not to be seen

UNITS = ((365.25 * 86400, "years"), (86400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


@dataclass(frozen=True)
class Line:
    """A line of a plot. style: a class of the page, such as "line-a".  points: x in order."""

    name: str
    style: str
    points: Sequence[tuple[float, float]]


def time_unit(most: float) -> tuple[float, str]:
    """The unit in which times up to this are told: its seconds and name.

    >>> time_unit(200_000)
    (86400.0, 'days')
    """
    return next(((size, name) for size, name in UNITS if most >= 2 * size), UNITS[-1])


def ticks(most: float, about: int = 5) -> list[float]:
    """Round numbers from 0 on, the last one not above `most`.

    >>> ticks(23.0)
    [0.0, 5.0, 10.0, 15.0, 20.0]
    """
    if most <= 0:
        return [0.0]
    step = 10.0 ** floor(log10(most / about))
    step *= next(factor for factor in (1, 2, 5, 10) if most / (step * factor) <= about)
    return [step * number for number in range(int(most / step + 1e-9) + 1)]


def lines(series: Sequence[Line], x_title: str, y_title: str) -> str:
    """Lines over a common x axis that begins at 0."""
    far = max((each.points[-1][0] for each in series if each.points), default=0.0) or 1.0
    high = max((y for each in series for _, y in each.points), default=0.0) or 1.0
    plot = _Frame(far, high, x_title, y_title)
    drawn = []
    for number, each in enumerate(series):
        points = _thinned(each.points)
        path = " ".join(f"{'L' if place else 'M'}{plot.x(x):.1f} {plot.y(y):.1f}" for place, (x, y) in enumerate(points))
        drawn.append(f'<path class="{each.style}" d="{path}"><title>{escape(each.name)}</title></path>')
        if len(series) == 1:
            continue
        key, name = LEFT + 12 + 190 * number, escape(each.name)
        drawn.append(f'<path class="{each.style}" d="M{key} {TOP + 6}h22"/><text class="key" x="{key + 28}" y="{TOP + 10}">{name}</text>')
    numbers = [_below(plot.x(x), _plain(x)) for x in ticks(far, 7)]
    return plot.svg(drawn, numbers)


def bars(values: Sequence[float], names: Sequence[str], x_title: str, y_title: str, *, edges: bool = False) -> str:
    """Bars side by side. edges: the names are those of the bars' left and right edges, one more than bars."""
    high = max(values, default=0.0) or 1.0
    plot = _Frame(float(len(values) or 1), high, x_title, y_title)
    gap = 0.0 if edges else 0.18
    drawn = []
    for place, value in enumerate(values):
        left, right, top = plot.x(place + gap), plot.x(place + 1 - gap), plot.y(value)
        name = f"{names[place]} to {names[place + 1]}" if edges else names[place]
        box = f'x="{left + 0.5:.1f}" y="{top:.1f}" width="{max(0.5, right - left - 1):.1f}" height="{plot.y(0) - top:.1f}"'
        shape = f'<rect class="bar" {box} rx="1.5"/>'
        drawn.append(f"<g>{shape}<title>{escape(name)}: {value:,.0f}</title></g>")
    every = max(1, -(-len(names) // 9))
    shift = 0.0 if edges else 0.5
    numbers = [_below(plot.x(place + shift), name, place // every % 2) for place, name in enumerate(names) if place % every == 0]
    return plot.svg(drawn, numbers)


def shares(rows: Sequence[tuple[str, Sequence[tuple[str, str, int]]]]) -> str:
    """A bar for each row, as long as its numbers are large, and cut into them: a row is a name and (style, name, number) of each part."""
    high, right = 52, 90
    most = max((sum(number for _, _, number in parts) for _, parts in rows), default=0) or 1
    drawn = []
    for place, (name, parts) in enumerate(rows):
        top, x = high * place + 22, 0.0
        drawn.append(f'<text class="tick" x="0" y="{top - 5}">{escape(name)}</text>')
        for style, what, number in parts:
            width = (WIDTH - right) * number / most
            box = f'x="{x:.1f}" y="{top}" width="{max(1.0, width - 1):.1f}" height="20"'
            drawn.append(f'<g><rect class="{style}" {box}/><title>{escape(name)}: {number:,} {escape(what)}</title></g>')
            x += width
        total = sum(number for _, _, number in parts)
        drawn.append(f'<text class="tick" x="{x + 8:.1f}" y="{top + 15}">{total:,}</text>')
    return f'<svg viewBox="0 0 {WIDTH} {high * len(rows)}" role="img">{"".join(drawn)}</svg>'


def matrix(names: Sequence[str], cell: Callable[[int, int], tuple[float, str, str] | None]) -> str:
    """Squares for pairs of names: cell(row, column) is (strength from 0 to 1, text, tooltip), None where there is nothing."""
    side, left, top = 58, 150, 8
    size = side * len(names)
    drawn = []
    for row, name in enumerate(names):
        middle = top + side * row + side / 2
        drawn.append(f'<text class="tick" x="{left - 10}" y="{middle + 4:.0f}" text-anchor="end">{escape(name)}</text>')
        x = left + side * row + side / 2
        drawn.append(f'<text class="tick" transform="translate({x + 4:.0f} {top + size + 12}) rotate(35)">{escape(name)}</text>')
        for column in range(row + 1):
            found = cell(row, column)
            x, y = left + side * column, top + side * row
            if found is None:
                drawn.append(f'<rect class="empty" x="{x + 1}" y="{y + 1}" width="{side - 2}" height="{side - 2}" rx="4"/>')
                continue
            strength, text, tip = found
            shade = 0 if strength <= 0 else 1 + min(4, int(strength * 5))
            square = f'<rect class="heat{shade}" x="{x + 1}" y="{y + 1}" width="{side - 2}" height="{side - 2}" rx="4"/>'
            place = f'x="{x + side / 2:.0f}" y="{y + side / 2 + 4:.0f}"'
            label = f'<text class="cell{shade}" {place} text-anchor="middle">{escape(text)}</text>'
            drawn.append(f"<g>{square}{label}<title>{escape(tip)}</title></g>")
    width, height = left + size + 110, top + size + 100
    return f'<svg class="matrix" width="{width}" viewBox="0 0 {width} {height}" role="img">{"".join(drawn)}</svg>'


class _Frame:
    """The axes of a plot, both from 0."""

    def __init__(self, far: float, high: float, x_title: str, y_title: str) -> None:
        self._far = far
        self._high = high * 1.12  # room for the key
        self._titles = x_title, y_title

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / self._far

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / self._high

    def svg(self, drawn: Sequence[str], numbers: Sequence[str]) -> str:
        grid = []
        for value in ticks(self._high / 1.12):
            height = f"{self.y(value):.1f}"
            grid.append(f'<path class="grid" d="M{LEFT} {height}H{WIDTH - RIGHT}"/>')
            grid.append(f'<text class="tick" x="{LEFT - 8}" y="{self.y(value) + 4:.1f}" text-anchor="end">{_plain(value)}</text>')
        across, up = map(escape, self._titles)
        middle = (HEIGHT - BOTTOM + TOP) / 2
        titles = (
            f'<text class="title" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{across}</text>'
            f'<text class="title" transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">{up}</text>'
        )
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join([*grid, *drawn, *numbers])}{titles}</svg>'


def _below(x: float, text: str, odd: int = 0) -> str:
    """A number of the x axis. odd: one of those that a small screen can do without."""
    return f'<text class="tick{" odd" if odd else ""}" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{escape(text)}</text>'


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    step = max(1, len(points) // MOST_POINTS)
    return [*points[::step], *points[-1:]]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
