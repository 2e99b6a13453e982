"""The event log: a line of JSON for each change of a workunit, result or host.

It holds the project's time and numbers only, no path, process or clock, so that one seed gives the same bytes anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted

from pyboinc.model import parse_job_name

from .server.rows import Host, Result, Workunit


def _label(name: str) -> str:
    """What a job's name says beside batch and token, which differ from run to run."""
    parsed = parse_job_name(name)
    return f"{parsed[2]}_r{parsed[3]}" if parsed else name


class EventLog:
    """Writes lines through a callable, e.g. the `write` of a text file. Keys: t (seconds), event, then what it is about."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def begin(self, seed: int) -> None:
        self._write(f'{{"t":0.0,"event":"begin","seed":{seed}}}\n')

    def host_came(self, t: float, host: Host) -> None:
        self._write(f'{{"t":{t!r},"event":"host","host":{host.id},"user":{host.userid},"platform":{quoted(host.platforms[0])}}}\n')

    def host_left(self, t: float, host: Host) -> None:
        self._write(f'{{"t":{t!r},"event":"detach","host":{host.id}}}\n')

    def submitted(self, t: float, wu: Workunit) -> None:
        self._write(f'{{"t":{t!r},"event":"workunit","wu":{wu.id},"name":{quoted(_label(wu.name))},"batch":{wu.batch}}}\n')

    def made(self, t: float, result: Result) -> None:
        self._write(f'{{"t":{t!r},"event":"result","wu":{result.workunitid},"result":{result.id}}}\n')

    def sent(self, t: float, result: Result, again: bool = False) -> None:
        event = "resent" if again else "sent"
        self._write(
            f'{{"t":{t!r},"event":"{event}","wu":{result.workunitid},"result":{result.id},"host":{result.hostid},'
            f'"version":{result.app_version_id},"deadline":{result.report_deadline!r}}}\n'
        )

    def over(self, t: float, result: Result) -> None:
        self._write(
            f'{{"t":{t!r},"event":"over","wu":{result.workunitid},"result":{result.id},"host":{result.hostid},'
            f'"outcome":{result.outcome},"exit":{result.exit_status}}}\n'
        )

    def refused(self, t: float, result: Result, host: Host, why: str) -> None:
        self._write(f'{{"t":{t!r},"event":"refused","wu":{result.workunitid},"result":{result.id},"host":{host.id},"why":{quoted(why)}}}\n')

    def checked(self, t: float, result: Result) -> None:
        self._write(
            f'{{"t":{t!r},"event":"checked","wu":{result.workunitid},"result":{result.id},"host":{result.hostid},'
            f'"outcome":{result.outcome},"validate":{result.validate_state}}}\n'
        )

    def workunit(self, t: float, event: str, wu: Workunit) -> None:
        """event: replicated, validate, canonical, failed, assimilated, cancelled, files_deleted, purged."""
        self._write(
            f'{{"t":{t!r},"event":"{event}","wu":{wu.id},"canonical":{wu.canonical_resultid},"mask":{wu.error_mask},'
            f'"quorum":{wu.min_quorum},"target":{wu.target_nresults}}}\n'
        )

    def files_deleted(self, t: float, result: Result) -> None:
        self._write(f'{{"t":{t!r},"event":"output_deleted","wu":{result.workunitid},"result":{result.id}}}\n')
