"""What ``[boinc]`` of pyboinc.toml may say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pyboinc.model import SettingsError, nearest

TABLE = "boinc"

@dataclass(frozen=True)
class BoincOptions:
    """app (str): the app whose hosts run the jobs; empty: the first that `pyboinc setup` has made.  app_version (int): its
    version, 0 for the newest when the batch starts.  user (str): the e-mail address of the user to whom the batch belongs, and
    whose hosts `own_hosts_only` means; empty: the one that `pyboinc setup` has made.
    """

    app: str = ""
    app_version: int = 0
    user: str = ""


def read(table: Mapping[str, Any]) -> BoincOptions:
    """Raises SettingsError that names the key.

    >>> read({"app": "primes"})
    BoincOptions(app='primes', app_version=0, user='')
    """
    known: dict[str, type] = {each.name: type(each.default) for each in fields(BoincOptions)}
    for key, value in table.items():
        if key not in known:
            raise SettingsError(f"[{TABLE}]: unknown key {key!r}{nearest(key, list(known))}", TABLE, key)
        if type(value) is not known[key] or (isinstance(value, int) and value < 0):
            must = "a whole number, at least 0" if known[key] is int else "a text in quotes"
            raise SettingsError(f"{key} = {value!r}: must be {must}", TABLE, key)
    return BoincOptions(**table)
