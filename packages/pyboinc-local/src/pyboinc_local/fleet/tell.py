"""What `pyboinc simulate` says, in words and in JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .schema import Fleet
from .study import Study, Trial
from .tally import Tally, percentile


@dataclass(frozen=True)
class Told:
    """A fleet, what a program's run on it was, and what was tried besides."""

    fleet: Fleet
    study: Study
    trials: list[Trial]

    @property
    def tally(self) -> Tally:
        return self.study.played.tally

    def json(self) -> dict[str, object]:
        """docs/simulate.md lists the keys."""
        setup = self.study.setup
        return {
            "fleet": self.fleet.name,
            "seed": setup.seed,
            "settings": {**settings(self.study), "deadline": setup.settings.deadline},
            **self.tally.summary(),
            "trials": [
                {
                    "change": each.change,
                    "verdict": each.verdict,
                    "why_not": each.why_not,
                    **({} if each.tally is None else _figures(each.tally)),
                }
                for each in self.trials
            ],
        }

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        tally = self.tally
        chosen = ", ".join(f"{key} {value}" for key, value in settings(self.study).items())
        yield ""
        yield f"on the fleet {self.fleet.name}, seed {self.study.setup.seed}: {chosen}"
        for name, text in facts(tally):
            yield f"{name:<28}{text}"
        split = [(pair, counts) for pair, counts in sorted(tally.pairs.items()) if counts[1] < counts[0]]
        if split:
            yield ""
            yield "honest hosts that do not agree:"
            for (one, other), (n, agreed) in split:
                yield f"  {one} and {other}: {n - agreed:,} of {n:,} pairs of results"
        if self.trials:
            yield ""
            yield "other settings, tried on the same volunteers:"
            width = max(len(each.change) for each in self.trials)
            for each in self.trials:
                yield f"  {each.change:<{width}}  {trial(each)}"


def settings(study: Study) -> dict[str, object]:
    """Those that matter here."""
    setup = study.setup
    found: dict[str, object] = {"quorum": setup.settings.min_quorum}
    if setup.settings.target_nresults != setup.settings.min_quorum:
        found["replication"] = setup.settings.target_nresults
    found["comparator"] = setup.comparator.spec
    if setup.hr != "none":
        found["hr"] = setup.hr
    if setup.adaptive > 1:
        found["adaptive"] = setup.adaptive
    return found


def facts(tally: Tally) -> Iterator[tuple[str, str]]:
    """(name, figures), the first ones first."""
    figures = tally.summary()
    results, time, truth = (dict(figures[key]) for key in ("results", "time", "truth"))  # type: ignore[call-overload]
    yield "the last result came after", span(tally.last)
    failed = f", {len(tally.failed):,} failed" if tally.failed else ""
    yield "jobs", f"{tally.jobs:,}{failed}"
    left = f", and {tally.hosts_left:,} that left" if tally.hosts_left else ""
    yield "hosts", f"{figures['hosts']:,}{left}"
    yield "results sent", f"{tally.results_sent:,}, {tally.sent_per_canonical:.2f} for each canonical one"
    yield "  agreed", f"{tally.agreed:,}"
    yield "  disagreed", f"{tally.disagreed:,}" + (f", {tally.honest_refused:,} of them honest" if tally.honest_refused else "")
    yield "  no outputs at all", f"{tally.invalid:,}"
    yield "  errors", f"{tally.errors:,}"
    yield "  late", f"{tally.late:,}, and {results['never_came']:,} never came"
    half, most = (span(percentile(tally.turnaround, share)) for share in (0.5, 0.95))
    yield "from sent to received", f"{half} for half, {most} for 95 %"
    total = max(time["total"], 1e-9)
    share = f"{100 * time['replication'] / total:.0f} % to replication, {100 * time['lost'] / total:.0f} % to what was no use"
    yield "hosts' computing", f"{span(time['total'])}; of that {share}"
    yield "wrong results accepted", f"{truth['wrong_accepted']:,}" + (
        f" of {tally.canonical:,}: the answer may be wrong" if truth["wrong_accepted"] else ""
    )


def trial(each: Trial) -> str:
    """One line."""
    if each.tally is None:
        return f"does not end: {each.why_not}"
    tally = each.tally
    parts = [span(tally.last), f"{tally.sent_per_canonical:.2f} results for each"]
    if tally.wrong_accepted:
        parts.append(f"{tally.wrong_accepted:,} wrong")
    if tally.failed:
        parts.append(f"{len(tally.failed):,} failed")
    return f"{', '.join(parts)}: {each.verdict}"


def trial_cells(each: Trial) -> list[str]:
    """Time of the last result, results for each canonical one, wrong ones, failed jobs, verdict."""
    if each.tally is None:
        return ["", "", "", "", f"does not end: {each.why_not}"]
    tally = each.tally
    return [span(tally.last), f"{tally.sent_per_canonical:.2f}", f"{tally.wrong_accepted:,}", f"{len(tally.failed):,}", each.verdict]


def _figures(tally: Tally) -> dict[str, object]:
    return {
        "simulated_seconds": tally.last,
        "sent_per_canonical": round(tally.sent_per_canonical, 4),
        "wrong_accepted": tally.wrong_accepted,
        "jobs_failed": len(tally.failed),
    }


def span(seconds: float) -> str:
    """A time for people.

    >>> span(0.25), span(40), span(5400), span(200_000), span(4e9)
    ('0.25 s', '40 s', '1.5 h', '2.3 days', '127 years')
    """
    for unit, name in ((365.25 * 86400, "years"), (86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= (2 if name == "days" else 1) * unit:
            amount = seconds / unit
            return f"{amount:.0f} {name}" if amount >= 100 else f"{amount:.1f} {name}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
