"""The findings as one HTML page: no script, nothing loaded from anywhere, every text of the program's escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from pyboinc.display import printable

from .analysis import Findings, Operation
from .report import cures, headline, how_it_spread, remaining, spread_text

STYLE = """
:root {
  color-scheme: light dark;
  --ink: light-dark(#22262b, #e6e4df); --faint: light-dark(#6b7178, #9aa0a6); --line: light-dark(#dfe2e6, #3a3f45);
  --paper: light-dark(#fbfaf8, #17191c); --card: light-dark(#ffffff, #202327);
  --bad: light-dark(#c2371f, #ff8a70); --good: light-dark(#1f7a4d, #6fd3a1); --bar: light-dark(#3d6fb4, #7aa7e6);
}
body {
  font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 0 auto; max-width: 60rem; padding: 2rem 1rem 4rem;
}
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
p.verdict { font-size: 1.25rem; font-weight: 600; margin: .5rem 0 0; }
.bad { color: var(--bad); }
.good { color: var(--good); }
.faint { color: var(--faint); font-size: .9rem; }
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: 1rem 1.25rem; margin: 0 0 1rem; overflow-x: auto;
}
code, pre, table.code td { font: .85rem/1.5 ui-monospace, monospace; }
pre { margin: .25rem 0 .75rem; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--faint); font-size: .85rem; }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; }
svg { display: block; max-width: 100%; height: auto; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
svg text.faint { fill: var(--faint); }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(found: Findings) -> str:
    """The whole page."""
    verdict = f'<p class="verdict {"good" if found.agree else "bad"}">{_text(headline(found))}</p>'
    ran = f"{len(found.positions)} of its {found.made:,} calls ran on {len(found.profiles)} platforms, with Python {found.python}."
    parts = [f"<header><h1>{_text(found.script)}</h1>{verdict}<p class='faint'>{_text(ran)}</p></header>", *_unstable(found)]
    if found.operations:
        parts += ["<h2>The first operation that differs</h2>", *map(_operation, found.operations)]
    if found.hit:
        parts += ["<h2>How many calls differ, platform by platform</h2>", _card(_matrix(found)), f"<p>{_text(spread_text(found))}</p>"]
        parts += ["<h2>What would help</h2>", _card(_bars(remaining(found), found.fleet)), _card(_definitions(cures(found)))]
        parts += ["<h2>Classes of homogeneous redundancy</h2>", _card(_classes(found))]
    elif found.versions_hit:
        parts += ["<h2>What would help</h2>", _card(_definitions(cures(found)))]
    if found.lints:
        rows = [[f"{each.file}:{each.line}", each.kind, each.text] for each in found.lints]
        parts += ["<h2>In the source</h2>", _card(_table(["where", "what", ""], rows))]
    parts += ["<h2>The platforms</h2>", _card(_table(["platform", "its functions are"], list(found.profiles.items()))), NOTE]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>pyboinc check: {_text(found.script)}</title>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


NOTE = """<p class="faint">Exact: the same bits as that platform's C library. Statistical: differs from others as often, and at most
as much, as was measured or published. How often two computers disagree goes by the fleet that was given; whether they do does not.</p>"""


def _text(text: object) -> str:
    return escape(printable(str(text)))


def _card(inner: str) -> str:
    return f'<div class="card">{inner}</div>'


def _table(header: Sequence[str], rows: Iterable[Sequence[object]], style: str = "") -> str:
    """Numbers to the right. style: a class, or none."""

    def cell(tag: str, value: object) -> str:
        number = ' class="number"' if isinstance(value, (int, float)) else ""
        return f"<{tag}{number}>{_text(f'{value:,}' if isinstance(value, int) else value)}</{tag}>"

    lines = ["".join(cell("td", value) for value in row) for row in rows]
    head = "".join(cell("th", title) for title in header)
    return f"<table class='{style}'><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _definitions(items: Iterable[tuple[str, str]]) -> str:
    return f"<table>{''.join(f'<tr><th>{_text(name)}</th><td>{_text(text)}</td></tr>' for name, text in items)}</table>"


def _unstable(found: Findings) -> list[str]:
    rows = [[f"call {position}", why] for position, why in found.unstable.items()]
    rows += [[f"call {position}", f"it fails: {text}"] for position, text in found.failed.items()]
    return ["<h2>Not the same twice on one computer</h2>", _card(_table(["", "why"], rows))] if rows else []


def _operation(operation: Operation) -> str:
    each = operation.example
    if not each.function:
        place = f"before {each.file}:{each.line}" if each.number else "in none of the operations that are watched"
        return _card(f"<p>Something that is not watched, {_text(place)}; see the notes on the source.</p>")
    rows = [[each.one_profile, each.one, each.one_hex], [each.other_profile, each.other, each.other_hex]]
    bits = f'<p class="faint">The arguments\' bits: <code>{_text(each.arguments_hex)}</code></p>' if each.arguments_hex else ""
    return _card(
        f"<code>{_text(each.file)}:{each.line}</code><pre>{_text(operation.source)}</pre>"
        f"<p><code>{_text(each.function)}({_text(each.arguments)})</code> gives</p>{_table(['', 'decimal', 'bits'], rows, 'code')}{bits}"
        f'<p class="faint">{_text(how_it_spread(operation))}</p>'
    )


def _classes(found: Findings) -> str:
    rows = []
    for name, each in found.redundancy.items():
        for inner in each["classes"]:
            rows.append([name, inner.name, f"{inner.share:.1%}", f"{inner.disagree:.1%}", ", ".join(inner.profiles)])
        rows.append([name, "no class: gets no work", f"{each['without_class']:.1%}", "", ""])
    return _table(["type", "class", "of the hosts", "still disagree", "what is in it"], rows)


# ---- Plots.


def _bars(values: Sequence[tuple[str, float]], fleet: str) -> str:
    """How often two hosts still disagree, with each cure."""
    height, left, width = 30, 260, 440
    lines = []
    for number, (name, share) in enumerate(values):
        y = number * height
        bar = max(width * share, 1.0 if share else 0.0)
        label = f"{share:.1%}" if share else "never"
        lines.append(
            f'<text x="{left - 12}" y="{y + 20}" text-anchor="end">{_text(name)}</text>'
            f'<rect x="{left}" y="{y + 6}" width="{bar:.1f}" height="18" rx="2" fill="var(--{"bar" if share else "good"})"/>'
            f'<text x="{left + bar + 8:.1f}" y="{y + 20}">{label}</text>'
        )
    title = f"How often two computers of the fleet {_text(fleet)} disagree on a call"
    size = f"0 0 {left + width + 80} {len(values) * height + 4}"
    return f'<p class="faint">{title}</p><svg viewBox="{size}" role="img" aria-label="{title}">{"".join(lines)}</svg>'


def _matrix(found: Findings) -> str:
    """Platform against platform: the darker, the more calls differ."""
    names, total = list(found.matrix), max(len(found.positions), 1)
    cell, left, top = 46, 170, 130
    lines = []
    for row, name in enumerate(names):
        y = top + row * cell
        lines.append(f'<text x="{left - 10}" y="{y + cell / 2 + 4}" text-anchor="end">{_text(name)}</text>')
        x = left + row * cell + cell / 2
        lines.append(f'<text transform="translate({x + 4} {top - 10}) rotate(-50)">{_text(name)}</text>')
        for column, other in enumerate(names):
            differ = found.matrix[name][other]
            strength = 0.1 + 0.55 * differ / total if differ else 0.0
            x = left + column * cell
            style = "" if differ else ' class="faint"'
            lines.append(
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" rx="3" fill="var(--bad)" fill-opacity="{strength:.2f}" '
                f'stroke="var(--line)"/><text x="{x + cell / 2 - 1}" y="{y + cell / 2 + 4}" text-anchor="middle"{style}>'
                f"{differ if name != other else '·'}</text>"
            )
    size = f"0 0 {left + len(names) * cell + 90} {top + len(names) * cell}"
    title = f"Calls that differ, of {total}"
    return f'<p class="faint">{title}</p><svg viewBox="{size}" role="img" aria-label="{title}">{"".join(lines)}</svg>'
