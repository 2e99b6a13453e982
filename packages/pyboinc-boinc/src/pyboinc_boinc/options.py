"""What ``[boinc]`` of pyboinc.toml may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pyboinc.model import SettingsError, nearest

from .apps import HR_TYPES

TABLE = "boinc"


@dataclass(frozen=True)
class BoincOptions:
    """app (str): the app whose hosts run the jobs; empty: the first that `pyboinc setup` has made.  app_version (int): its
    version, 0 for the newest when the batch starts.  hr (str), adaptive (bool): what the app must have, one of HR_TYPES and
    adaptive replication; empty and False: whatever it has.  user (str): the e-mail address of the user to whom the batch
    belongs, and whose hosts `own_hosts_only` means; empty: the one that `pyboinc setup` has made.
    """

    app: str = ""
    app_version: int = 0
    hr: str = ""
    adaptive: bool = False
    user: str = ""


def read(table: Mapping[str, Any]) -> BoincOptions:
    """Raises SettingsError that names the key.

    >>> read({"app": "primes"})
    BoincOptions(app='primes', app_version=0, hr='', adaptive=False, user='')
    """
    known: dict[str, type] = {each.name: type(each.default) for each in fields(BoincOptions)}
    for key, value in table.items():
        if key not in known:
            raise SettingsError(f"[{TABLE}]: unknown key {key!r}{nearest(key, list(known))}", TABLE, key)
        if type(value) is not known[key] or (isinstance(value, int) and value < 0):
            must = {int: "a whole number, at least 0", bool: "true or false", str: "a text in quotes"}[known[key]]
            raise SettingsError(f"{key} = {value!r}: must be {must}", TABLE, key)
        if key == "hr" and value not in HR_TYPES:
            raise SettingsError(f"hr = {value!r}{nearest(str(value), HR_TYPES)}", TABLE, key)
    return BoincOptions(**table)
