"""The page of `pyboinc simulate --report`: one file, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, floor, log2

from pyboinc import charts

from ..systems import default_profile
from .tally import Tally, percentile
from .tell import Told, facts, settings, span, trial_cells

STYLE = """
:root{color-scheme:light dark;--paper:#fbfaf7;--card:#fff;--ink:#22262b;--faint:#6b7280;--rule:#e3e1da;--a:#2563a8;--b:#d97706;
--good:#2f7d4f;--bad:#b4342a;--h0:#dcefe2;--h1:#fdeccb;--h2:#f9cf9c;--h3:#f0a273;--h4:#dd6f52;--h5:#b4342a;--onh5:#fff}
@media(prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1c2024;--ink:#e8e6e1;--faint:#9aa3ad;--rule:#32383f;--a:#6cb0f5;--b:#f0a94a;
--good:#6fce96;--bad:#f08a7f;--h0:#1d4030;--h1:#4a3a1c;--h2:#6b4a1f;--h3:#8f5528;--h4:#ad4d36;--h5:#cf4437;--onh5:#fff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:30px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:18px;margin:0 0 2px}
p{margin:0 0 12px;max-width:70ch}
.lead,.note{color:var(--faint)}
.note{font-size:14px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));gap:14px;margin:26px 0}
.card,section{background:var(--card);border:1px solid var(--rule);border-radius:10px}
.card{padding:14px 16px}
.card b{display:block;font-size:25px;font-weight:650;letter-spacing:-.01em}
.card span{color:var(--faint);font-size:14px}
.good b{color:var(--good)}.bad b{color:var(--bad)}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(440px,1fr));gap:16px}
section{padding:18px 20px;margin:0 0 16px;overflow-x:auto}
.grid2 section{margin:0}
.grid2{margin-bottom:16px}
svg{display:block;width:100%;height:auto;max-width:680px;margin-top:8px}
svg.matrix{width:auto;max-width:100%}
svg text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:var(--ink)}
svg .tick,svg .title{fill:var(--faint)}
.line-a,.line-b{fill:none;stroke-width:2.2;stroke-linejoin:round}
.line-a{stroke:var(--a)}.line-b{stroke:var(--b)}
.bar{fill:var(--a)}
svg .grid{stroke:var(--rule);stroke-width:1}
.empty{fill:none;stroke:var(--rule)}
.heat0{fill:var(--h0)}.heat1{fill:var(--h1)}.heat2{fill:var(--h2)}.heat3{fill:var(--h3)}.heat4{fill:var(--h4)}.heat5{fill:var(--h5)}
svg .cell5,svg .cell4{fill:var(--onh5)}
table{border-collapse:collapse;width:100%;font-size:15px;margin-top:8px}
th,td{text-align:left;padding:6px 14px 6px 0;border-bottom:1px solid var(--rule);vertical-align:top}
th{color:var(--faint);font-weight:500}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tr:last-child td{border-bottom:0}
code{font:14px ui-monospace,Consolas,monospace}
footer{color:var(--faint);font-size:14px;margin-top:24px}
"""


def page(told: Told) -> str:
    """The whole page. Every text in it that is not ours is escaped."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    tally = told.tally
    title = f"{span(tally.last)} on {told.fleet.name}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
            *_head(told),
            '<div class="grid2">',
            *_progress(tally),
            *_replication(tally),
            *_turnaround(tally),
            *_time(tally),
            "</div>",
            *_pairs(tally),
            *_trials(told),
            *_fleet(told),
            *_all(told),
            "</main></body></html>",
            "",
        ]
    )


def _head(told: Told) -> Iterator[str]:
    tally = told.tally
    chosen = ", ".join(f"{key} {value}" for key, value in settings(told.study).items())
    yield f"<h1>{tally.jobs:,} jobs on the fleet <em>{escape(told.fleet.name)}</em></h1>"
    yield f'<p class="lead">{escape(told.fleet.description)}</p>'
    yield f'<p class="lead"><code>{escape(chosen)}, seed {told.study.setup.seed}</code></p>'
    wrong = tally.wrong_accepted
    yield '<div class="cards">'
    yield _card(span(tally.last), "until the last result")
    yield _card(f"{tally.sent_per_canonical:.2f}", "results sent for each canonical one")
    yield _card(f"{len(tally.failed):,}", "jobs failed", "bad" if tally.failed else "good")
    yield _card(f"{wrong:,}", "wrong results accepted", "bad" if wrong else "good")
    yield _card(f"{tally.honest_refused:,}", "honest results refused", "bad" if tally.honest_refused else "good")
    yield "</div>"


def _card(figure: str, text: str, kind: str = "") -> str:
    return f'<div class="card {kind}"><b>{escape(figure)}</b><span>{escape(text)}</span></div>'


def _section(title: str, note: str, body: str) -> str:
    return f'<section><h2>{escape(title)}</h2><p class="note">{escape(note)}</p>{body}</section>'


def _progress(tally: Tally) -> Iterator[str]:
    most = percentile(tally.ended, 0.95) * 1.5
    shown = tally.last if tally.last < 3 * most else most  # a long tail would leave no room for the rest
    size, name = charts.time_unit(shown)
    done = [(0.0, 0.0), *((t / size, float(number)) for number, t in enumerate(tally.ended, 1) if t <= shown)]
    came = [(0.0, 0.0), *((t / size, float(number)) for number, t in enumerate(tally.received, 1) if t <= shown)]
    series = [charts.Line("jobs done", "line-a", done), charts.Line("results received", "line-b", came)]
    last = len(tally.ended) - len(done) + 1
    tail = f" {last:,} that took longer are not shown." if last else ""
    note = f"Half of the jobs were done after {span(percentile(tally.ended, 0.5))}.{tail}"
    yield _section("Progress", note, charts.lines(series, name, "jobs, results"))


def _replication(tally: Tally) -> Iterator[str]:
    counts = tally.results_of_jobs
    most = max(counts, default=1)
    names = [str(number) for number in range(min(counts, default=0), most + 1)]
    note = f"{tally.results_sent:,} results were sent for {tally.canonical:,} canonical ones."
    yield _section("Results sent for a job", note, charts.bars([counts[int(each)] for each in names], names, "results sent", "jobs"))


def _turnaround(tally: Tally) -> Iterator[str]:
    values = [max(each, 1e-3) for each in tally.turnaround]
    if not values:
        return
    low, high = floor(2 * log2(min(values))), ceil(2 * log2(max(values)) + 1e-9)
    counts = Counter(min(high - 1, floor(2 * log2(each))) for each in values)
    edges = [span(2 ** (number / 2)) for number in range(low, max(high, low + 1) + 1)]
    heights = [float(counts[number]) for number in range(low, max(high, low + 1))]
    note = f"From sent to received: {span(percentile(values, 0.5))} for half of them, {span(percentile(values, 0.95))} for 95 %."
    plot = charts.bars(heights, edges, "from sent to received, doubling at every second bar", "results", edges=True)
    yield _section("How long results took", note, plot)


def _time(tally: Tally) -> Iterator[str]:
    replication = max(0.0, tally.valid_time - tally.useful)
    lost = tally.total_time - tally.useful - replication
    rows = (
        ("canonical results", tally.useful),
        ("replication: results that agreed with them", replication),
        ("no use: disagreed, invalid, errors, too late", lost),
    )
    cells = [[name, span(seconds), f"{100 * seconds / max(tally.total_time, 1e-9):.0f} %"] for name, seconds in rows]
    body = _table(["", "computing", "share"], cells, {1, 2})
    note = f"{span(tally.total_time)} of one processor, on all hosts together, as far as it was reported."
    yield _section("Where the computing went", note, body)


def _pairs(tally: Tally) -> Iterator[str]:
    names = sorted({name for pair in tally.pairs for name in pair})
    if not names:
        return

    def cell(row: int, column: int) -> tuple[float, str, str] | None:
        one, other = sorted((names[row], names[column]))
        if (one, other) not in tally.pairs:
            return None
        n, agreed = tally.pairs[one, other]
        share = (n - agreed) / n
        text = "0" if not share else f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"
        return share, text, f"{one} and {other}: {n - agreed:,} of {n:,} pairs disagree"

    note = f"Honest outputs of one job, compared two by two: on {tally.split_jobs:,} of {tally.jobs:,} jobs some did not agree."
    yield _section("Do honest hosts disagree?", note, charts.matrix(names, cell))


def _trials(told: Told) -> Iterator[str]:
    if told.trials:
        rows = [[f"\0{each.change}", *trial_cells(each)] for each in told.trials]
        body = _table(["setting", "last result", "sent for each", "wrong", "failed", "verdict"], rows, {1, 2, 3, 4})
        yield _section("Other settings, tried", "On the same volunteers, with the same outputs of the slaves.", body)


def _fleet(told: Told) -> Iterator[str]:
    names = [(group, group.name or group.platform) for group in told.fleet.groups if group.number]
    rows = [[name, f"{group.number:,}", group.platform, group.profile or default_profile(group.platform)] for group, name in names]
    table = _table(["hosts", "number", "platform", "arithmetic"], rows, {1})
    yield _section("The fleet", f"{told.fleet.number:,} hosts at the beginning.", table)


def _all(told: Told) -> Iterator[str]:
    rows = [[name.strip(), text] for name, text in facts(told.tally)]
    yield _section("All figures", "As pyboinc simulate prints them; --json has them for programs.", _table(["", ""], rows, set()))
    yield '<footer>Made by <code>pyboinc simulate</code>. The same seed gives the same course of events.</footer>'


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: set[int]) -> str:
    """A text that begins with \\0 is code."""

    def cell(tag: str, column: int, text: str) -> str:
        kind = ' class="n"' if column in numbers else ""
        inner = f"<code>{escape(text[1:])}</code>" if text.startswith("\0") else escape(text)
        return f"<{tag}{kind}>{inner}</{tag}>"

    head = "".join(cell("th", column, text) for column, text in enumerate(header)) if any(header) else ""
    body = "".join(f"<tr>{''.join(cell('td', column, text) for column, text in enumerate(row))}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"
