"""What `pyboinc setup` and `pyboinc doctor` want to know and set in BOINC's own tables: apps, app versions, the submitting user."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace

from ..apps import AppRow
from ..versions import VersionRow, names_in, newest
from .connection import Connection, Transaction, Value, to_text

USER_NAME = "PyBOINC"
_GROWING = ("app_version", "app", "platform")  # those that depend on others first
_APPS = "SELECT id, name, homogeneous_redundancy, target_nresults, min_version FROM app ORDER BY id"
_VERSIONS = """
    SELECT a.name, v.version_num, IF(v.plan_class = '', p.name, CONCAT(p.name, '__', v.plan_class)), v.xml_doc, v.deprecated
    FROM app_version v JOIN app a ON a.id = v.appid JOIN platform p ON p.id = v.platformid ORDER BY v.id
"""


class Admin:
    """See the module's text."""

    def __init__(self, connection: Connection) -> None:
        self._transaction = connection.transaction

    def apps(self) -> list[AppRow]:
        """All apps, in the order of their numbers."""
        rows = self._transaction(lambda step: step.rows(_APPS))
        versions: dict[str, list[VersionRow]] = {}
        for each in self.versions():
            versions.setdefault(each.app, []).append(each)
        found = []
        for number, name, hr, adaptive, oldest in rows:
            native, wasm = (newest(versions.get(to_text(name), []), wasm=wasm) for wasm in (False, True))
            row = AppRow(int(number), to_text(name), int(hr), int(adaptive), int(oldest), native.number if native else 0)
            found.append(replace(row, wasm_version=wasm.number, runtime=wasm.runtime) if wasm else row)
        return found

    def set_app(self, name: str, homogeneous_redundancy: int, target_nresults: int, min_version: int) -> None:
        sql = "UPDATE app SET homogeneous_redundancy = %s, target_nresults = %s, min_version = %s WHERE name = %s"
        self._transaction(lambda step: step.change(sql, (homogeneous_redundancy, target_nresults, min_version, name)))

    def versions(self) -> list[VersionRow]:
        """All app versions."""
        rows = self._transaction(lambda step: step.rows(_VERSIONS))
        return [
            VersionRow(to_text(app), int(number), to_text(platform), names_in(to_text(xml)), _is_signed(to_text(xml)), bool(deprecated))
            for app, number, platform, xml, deprecated in rows
        ]

    def platforms(self) -> frozenset[str]:
        return frozenset(to_text(name) for (name,) in self._transaction(lambda step: step.rows("SELECT name FROM platform")))

    def volunteers(self) -> int:
        """How many users have hosts."""
        found = self._transaction(lambda step: step.row("SELECT COUNT(DISTINCT userid) FROM host"))
        return int(found[0]) if found else 0

    def newest(self) -> dict[str, int]:
        """The highest numbers of app versions, apps and platforms, for `remove_newer`."""
        return self._transaction(lambda step: {table: _highest(step, table) for table in _GROWING})

    def remove_newer(self, than: Mapping[str, int]) -> None:
        """Delete the app versions, apps and platforms that were made since."""
        self._transaction(lambda step: [step.change(f"DELETE FROM {table} WHERE id > %s", (than[table],)) for table in _GROWING])

    def may_submit(self, user: int) -> bool:
        """Whether there is such a user, who may submit jobs."""
        sql = "SELECT 1 FROM user u JOIN user_submit s ON s.user_id = u.id WHERE u.id = %s"
        return user > 0 and self._transaction(lambda step: step.row(sql, (user,))) is not None

    def authenticator(self, user: int) -> str:
        """The account key of a user; empty if there is none."""
        found = self._transaction(lambda step: step.row("SELECT authenticator FROM user WHERE id = %s", (user,)))
        return to_text(found[0]) if found else ""

    def user(self, email: str) -> int:
        """The number of the user with that address; 0 if there is none."""
        found = self._transaction(lambda step: step.row("SELECT id FROM user WHERE email_addr = %s", (email,)))
        return int(found[0]) if found else 0

    def add_submitter(self, email: str) -> int:
        """The number of the user with that address, who may submit to all apps; made if there is none.

        A new one's password is random, and not kept: its account key, the authenticator, is the way in.
        """
        return self._transaction(lambda step: _add_submitter(step, email))

    def remove_submitter(self, user: int) -> None:
        sql = "DELETE s, u FROM user u LEFT JOIN user_submit s ON s.user_id = u.id WHERE u.id = %s"
        self._transaction(lambda step: step.change(sql, (user,)))


def _is_signed(xml_doc: str) -> bool:
    """Whether each file has a signature: `bin/update_versions` goes on without one, and clients take no such file."""
    return all(part.partition("</file_signature>")[0].strip() for part in xml_doc.split("<file_signature>")[1:])


def _highest(step: Transaction, table: str) -> int:
    found = step.row(f"SELECT MAX(id) FROM {table}")
    return int(found[0] or 0) if found else 0


def _add_submitter(step: Transaction, email: str) -> int:
    found = step.row("SELECT id FROM user WHERE email_addr = %s", (email,))
    user = int(found[0]) if found else _add_user(step, email)
    sql = """INSERT IGNORE INTO user_submit (user_id, quota, logical_start_time, submit_all, manage_all, max_jobs_in_progress)
             VALUES (%s, 0, 0, 1, 0, 0)"""
    step.change(sql, (user,))
    return user


def _add_user(step: Transaction, email: str) -> int:
    """With the columns that BOINC's make_user sets (html/inc/user_util.inc); names are unique."""
    key = secrets.token_hex(16)
    name = f"{USER_NAME} {key[:6]}" if step.row("SELECT 1 FROM user WHERE name = %s", (USER_NAME,)) else USER_NAME
    now = int(time.time())
    columns: dict[str, Value] = {"email_addr": email, "name": name, "authenticator": key, "create_time": now, "expavg_time": now}
    columns |= {"passwd_hash": secrets.token_hex(16), "cross_project_id": secrets.token_hex(16), "country": "International"}
    columns |= dict.fromkeys(("postal_code", "global_prefs", "project_prefs", "venue", "url", "signature"), "")
    zeros = ("total_credit", "expavg_credit", "teamid", "send_email", "show_hosts", "posts", "seti_id", "seti_nresults")
    columns |= dict.fromkeys((*zeros, "seti_last_result_time", "seti_total_cpu", "has_profile", "email_validated", "donated"), 0)
    return step.insert("user", columns)
