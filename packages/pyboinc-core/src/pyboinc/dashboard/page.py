"""The pages, as HTML. Pure. Every text that is not ours is made printable and escaped; there is no script, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape

from .. import charts, display
from ..cli import voice
from ..cli.folder import STATES
from ..forecast import duration
from ..model import Outcome
from ..overview import Failure
from .figures import ACCEPTED, ORDER, OUTCOMES, UNDER_WAY, WAITING, WRONG, Figures, Histogram, edges, median

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
REFRESH = 5  # seconds
SHOWN_POSITIONS = 24
SHOWN_HOSTS = 12
SHOWN_GROUPS = 50
SHOWN_TEXT = 20_000  # characters of a traceback or of what a slave printed

STYLE = """
:root{color-scheme:light dark;--paper:#fbfaf7;--card:#fff;--ink:#22262b;--faint:#5f6772;--rule:#e3e1da;
--a:#2563a8;--good:#2f7d4f;--bad:#b4342a;--warm:#8a5a00}
@media(prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1c2024;--ink:#e8e6e1;--faint:#9aa3ad;--rule:#32383f;
--a:#6cb0f5;--good:#6fce96;--bad:#f08a7f;--warm:#e9b872}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:28px;line-height:1.2;margin:0 12px 0 0;letter-spacing:-.01em}
h2{font-size:18px;margin:0 0 8px}
h3{font-size:16px;margin:0 0 2px;overflow-wrap:anywhere}
p{margin:0 0 10px}
header{display:flex;flex-wrap:wrap;align-items:center;gap:6px 0;margin-bottom:16px}
header p{flex-basis:100%;margin:0;color:var(--faint);overflow-wrap:anywhere}
.note{color:var(--faint);font-size:14px}
.state{border:1px solid currentColor;border-radius:999px;padding:1px 12px;font-size:14px;font-weight:600}
.running{color:var(--a)}.finished{color:var(--good)}.stopped{color:var(--warm)}.cancelled,.retired{color:var(--faint)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 16px}
.tile,section{background:var(--card);border:1px solid var(--rule);border-radius:10px}
.tile{padding:12px 16px}
.tile b{display:block;font-size:24px;line-height:1.25;font-weight:650;letter-spacing:-.01em}
.tile span{color:var(--faint);font-size:14px}
.bad b,.bad h3{color:var(--bad)}
section{padding:16px 20px;margin:0 0 16px;overflow-x:auto}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:16px;margin-bottom:16px}
.pair section{margin:0}
.pair section:last-child:nth-child(odd){grid-column:1/-1}
progress{width:100%;height:10px;accent-color:var(--a)}
svg{display:block;width:100%;height:auto;max-width:680px}
svg text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--ink)}
@media(max-width:600px){svg text{font-size:20px}svg .odd{display:none}}
svg .tick,svg .title{fill:var(--faint)}
.line-a{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke:var(--a)}
.bar,.part-a{fill:var(--a)}
.part-good{fill:var(--good)}.part-bad{fill:var(--bad)}.part-warm{fill:var(--warm)}.part-other{fill:var(--faint)}.part-none{fill:var(--rule)}
.key{display:flex;flex-wrap:wrap;gap:2px 16px;margin:0 0 6px;padding:0;list-style:none;color:var(--faint);font-size:14px}
.key svg{display:inline-block;width:12px;height:12px;margin-right:6px}
svg .grid{stroke:var(--rule);stroke-width:1}
table{border-collapse:collapse;width:100%;font-size:15px}
th,td{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--rule);vertical-align:top;overflow-wrap:anywhere}
td:first-child{min-width:8em}
th{color:var(--faint);font-weight:500;overflow-wrap:normal}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding-right:0;padding-left:14px}
tr:last-child td{border-bottom:0}
.error{border-top:1px solid var(--rule);padding:12px 0}
.error:first-of-type{border-top:0}
pre{font:13px/1.45 ui-monospace,Consolas,monospace;margin:6px 0;padding:8px 12px;max-height:20em;overflow:auto;background:var(--paper);
border:1px solid var(--rule);border-radius:6px}
code{font:14px ui-monospace,Consolas,monospace;overflow-wrap:anywhere}
.ways{display:flex;flex-wrap:wrap;gap:12px;align-items:center}
.button,button{display:inline-block;font:inherit;padding:7px 18px;border-radius:8px;border:1px solid var(--rule);background:var(--card);
color:var(--ink);text-decoration:none;cursor:pointer}
button.danger{background:var(--bad);border-color:var(--bad);color:var(--paper)}
:focus-visible{outline:3px solid var(--a);outline-offset:2px}
footer{color:var(--faint);font-size:14px}
"""

PARTS = {ACCEPTED: "part-good", WRONG: "part-bad", OUTCOMES[Outcome.CLIENT_ERROR]: "part-warm", UNDER_WAY: "part-a", WAITING: "part-none"}
"""The colours of what becomes of results; all else has one."""
OTHER = "part-other"
NO_PLATFORM = "no host yet"

QUESTIONS = {
    "cancel": "Its jobs end, and a master that runs ends too. The results that came stay. It can't go on afterwards.",
    "retire": "The project lets go of what it keeps for it. The results stay in the folder. It can't go on afterwards.",
}


def safe(text: str) -> str:
    """A stranger's text for the page."""
    return escape(display.printable(text))


def overview(found: Figures) -> str:
    """The page of the batch."""
    parts = (_head, _tiles, _charts, _results, _errors, _hosts, _ways)
    body = "".join(text for part in parts for text in part(found))
    return _page(f"Batch {found.heading.batch}", body, refresh=found.heading.state == "running")


def question(verb: str, found: Figures, token: str) -> str:
    """The page that asks before something is ended. verb: a key of `QUESTIONS`."""
    title = f"{verb.capitalize()} this batch?"
    form = (
        f'<form method="post" action="/{verb}" class="ways"><input type="hidden" name="token" value="{escape(token)}">'
        f'<button class="danger" type="submit">{verb.capitalize()} batch {found.heading.batch}</button>'
        '<a class="button" href="/">No, go back</a></form>'
    )
    where = f"Batch {found.heading.batch} in <code>{safe(found.heading.folder)}</code>: {_done_of(found)}."
    return _page(title, f"<header><h1>{title}</h1></header><section><p>{where}</p><p>{QUESTIONS[verb]}</p>{form}</section>")


def message(title: str, text: str) -> str:
    """A page that says why something can't be shown or done."""
    body = f'<header><h1>{escape(title)}</h1></header><section><p>{safe(text)}</p><a class="button" href="/">Back</a></section>'
    return _page(title, body)


def _page(title: str, body: str, refresh: bool = False) -> str:
    again = f'<meta http-equiv="refresh" content="{REFRESH}">' if refresh else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{again}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)} - PyBOINC</title><link rel="stylesheet" href="/style.css"></head><body><main>{body}</main></body></html>'
    )


def _head(found: Figures) -> Iterator[str]:
    heading = found.heading
    number = heading.batch or "without a number yet"
    yield f'<header><h1>Batch {number}</h1><span class="state {escape(heading.state)}">{escape(heading.state)}</span>'
    backend = " ".join(filter(None, (heading.backend, heading.project)))
    when = f", changed {datetime.fromtimestamp(heading.changed):%Y-%m-%d %H:%M:%S}" if heading.changed is not None else ""
    yield f"<p><code>{safe(heading.folder)}</code> on {safe(backend)}{when}</p>"
    if heading.state == "stopped":
        yield f"<p>{STATES['stopped'].capitalize()}.</p>"
    yield "</header>"


def _done_of(found: Figures) -> str:
    calls = found.calls
    return f"{voice.number(calls.handled + calls.arrived)} of {voice.calls(calls.made)} done"


def _tiles(found: Figures) -> Iterator[str]:
    calls = found.calls
    done = calls.handled + calls.arrived
    bar = f'<progress max="{max(calls.made, 1)}" value="{done}" aria-label="calls done"></progress>'
    yield f'<div class="tiles"><div class="tile"><b>{voice.number(done)}</b><span>of {voice.calls(calls.made)} done</span>{bar}</div>'
    yield _tile(voice.number(calls.in_progress), "in progress")
    yield _tile(voice.number(calls.failed), "failed", "bad" if calls.failed else "")
    if found.forecast:
        left = found.forecast
        yield _tile(duration(left.left), f"left; with 90 % probability {duration(left.low)} to {duration(left.high)}")
    elif found.done:
        yield _tile(duration(found.done[-1][0]), "from the first result to the last")
    yield "</div>"


def _tile(value: str, what: str, kind: str = "") -> str:
    return f'<div class="tile {kind}"><b>{escape(value)}</b><span>{escape(what)}</span></div>'


def _charts(found: Figures) -> Iterator[str]:
    yield '<div class="pair">'
    if found.done:
        size, name = charts.time_unit(found.done[-1][0])
        line = charts.Line("calls done", "line-a", [(x / size, y) for x, y in found.done])
        yield _section("Progress", charts.lines([line], f"{name} since the first result", "calls done"))
    else:
        yield _section("Progress", '<p class="note">No result has arrived yet.</p>')
    if found.turnaround.counts:
        yield _histogram("Turnaround", found.turnaround, "from being sent to being back", "results")
    if found.computing.counts:
        yield _histogram("Computing time", found.computing, "time of a job", "jobs")
    if len(found.slaves) > 1:
        rows = [(slave, counts.made, counts.handled + counts.arrived, counts.failed) for slave, counts in found.slaves.items()]
        yield _section("Slaves", _table(["", "made", "done", "failed"], rows))
    yield "</div>"


def _results(found: Figures) -> Iterator[str]:
    """By platform if the project tells of them, else what the batch's own files tell."""
    if found.platforms:
        kinds = list(dict.fromkeys(what for counts in found.platforms.values() for what in counts))
        kinds.sort(key=ORDER.index)
        named = [(display.printable(platform) or NO_PLATFORM, counts) for platform, counts in found.platforms.items()]
        parts = [(platform, _parts(counts)) for platform, counts in named]
        rows: list[tuple[str | int, ...]] = [(platform, *(counts.get(what, 0) for what in kinds)) for platform, counts in named]
        yield _section("Results by platform", _key(kinds) + charts.shares(parts) + _table(["", *kinds], rows))
    elif found.outcomes:
        note = '<p class="note">Results that the batch was told of: those accepted, those found wrong, and all of jobs that failed.</p>'
        yield _section("Results", note + _table(["", "results"], list(found.outcomes.items())))
    if found.silence:
        yield _section("The project can't be asked", f'<p class="note">{safe(found.silence)}</p>')


def _parts(counts: Mapping[str, int]) -> list[tuple[str, str, int]]:
    return [(PARTS.get(what, OTHER), what, number) for what, number in counts.items()]


def _key(kinds: Sequence[str]) -> str:
    square = '<svg viewBox="0 0 12 12" aria-hidden="true"><rect class="{}" width="12" height="12"/></svg>'
    return f'<ul class="key">{"".join(f"<li>{square.format(PARTS.get(what, OTHER))}{what}</li>" for what in kinds)}</ul>'


def _histogram(title: str, found: Histogram, across: str, up: str) -> str:
    names, middle = edges(found), median(found)
    note = f'<p class="note">The one in the middle: {names[middle]} to {names[middle + 1]}.</p>'
    return _section(title, charts.bars(found.counts, names, across, up, edges=True) + note)


def _hosts(found: Figures) -> Iterator[str]:
    if found.hosts:
        rows = [(host, _listed(what)) for host, what in list(found.hosts.items())[:SHOWN_HOSTS]]
        more = len(found.hosts) - len(rows)
        note = f'<p class="note">and {voice.number(more)} more</p>' if more > 0 else ""
        yield _section("Hosts with results that were not accepted", _table(["host", "results"], rows) + note)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{voice.number(count)} {what}" for what, count in counts.items())


def _errors(found: Figures) -> Iterator[str]:
    if found.failures:
        cards = "".join("".join(_error(group)) for group in list(found.failures)[:SHOWN_GROUPS])
        more = len(found.failures) - SHOWN_GROUPS
        note = f'<p class="note">and {voice.number(more)} more kinds: pyboinc errors shows them all</p>' if more > 0 else ""
        yield _section("Calls that failed", cards + note)


def _error(group: Iterable[Failure]) -> Iterator[str]:
    group = list(group)
    example = group[0]
    yield f'<div class="error bad"><h3>{safe(str(example.error)[:1000])}</h3><p class="note">'
    positions = ", ".join(each.position for each in group[:SHOWN_POSITIONS]) + (", …" if len(group) > SHOWN_POSITIONS else "")
    yield f"{voice.calls(len(group))} of {safe(example.slave)}, at {safe(positions)}; for example {safe(example.description)}</p>"
    told_of = "\n".join(each.removeprefix("    ") for each in display.details(example.error, example.stdout, example.stderr))
    if told_of:
        yield f'<pre tabindex="0">{escape(told_of[:SHOWN_TEXT])}</pre>'
    yield "</div>"


def _ways(found: Figures) -> Iterator[str]:
    state = found.heading.state
    verbs = {"running": ["cancel"], "stopped": ["cancel"], "finished": ["retire"], "cancelled": ["retire"]}.get(state, [])
    if verbs:
        links = "".join(f'<a class="button" href="/{verb}">{verb.capitalize()} …</a>' for verb in verbs)
        yield f'<footer class="ways">{links}</footer>'


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _table(header: list[str], rows: Iterable[Sequence[str | int]]) -> str:
    """Numbers stand to the right; texts may be a stranger's."""
    rows = list(rows)
    numbers = [isinstance(each, int) for each in rows[0]]
    head = "".join(f"<th{' class=n' if number else ''}>{escape(title)}</th>" for title, number in zip(header, numbers, strict=True))
    body = "".join(f"<tr>{''.join(_cell(each) for each in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: str | int) -> str:
    return f'<td class="n">{voice.number(value)}</td>' if isinstance(value, int) else f"<td>{safe(value)}</td>"
