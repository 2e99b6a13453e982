"""What `pyboinc setup` and `pyboinc doctor` want to know and set in BOINC's own tables."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from .connection import Connection, Transaction, Value, to_text

# Columns of `user` without a default.
_EMPTY = ("global_prefs", "project_prefs", "country", "postal_code", "venue", "url", "signature", "previous_email_addr")
_ZERO = (
    *("total_credit", "expavg_credit", "expavg_time", "teamid", "send_email", "show_hosts", "posts", "seti_id", "seti_nresults"),
    *("seti_last_result_time", "seti_total_cpu", "has_profile", "email_validated", "donated"),
)


@dataclass(frozen=True)
class AppRow:
    """An app. version_nums: of its versions that are not deprecated, ascending."""

    id: int
    name: str
    min_version: int
    homogeneous_redundancy: int
    target_nresults: int
    version_nums: tuple[int, ...]


class Admin:
    """See the module's text."""

    def __init__(self, connection: Connection) -> None:
        self._transaction = connection.transaction

    def app(self, name: str) -> AppRow | None:
        """The app of that name, if `bin/xadd` has added it."""
        return self._transaction(_app, name)

    def keep_old_versions(self, app: int) -> bool:
        """Let jobs ask for an app version that is not the newest, as a batch does that pins its own; whether that is new.

        BOINC's scheduler holds older versions ready only for an app whose min_version is set.
        """
        sql = "UPDATE app SET min_version = 1 WHERE id = %s AND min_version = 0"
        return self._transaction(Transaction.change, sql, (app,)) > 0

    def user(self, email: str) -> int | None:
        """The number of the user with that address."""
        return self._transaction(_user, email)

    def add_submitter(self, email: str, name: str) -> int:
        """Make sure that there is a user with that address who may submit to all apps; the user's number.

        Nobody can log in as a new one: its password is random, and not kept.
        """
        return self._transaction(_add_submitter, email, name)


def _app(step: Transaction, name: str) -> AppRow | None:
    found = step.row("SELECT id, name, min_version, homogeneous_redundancy, target_nresults FROM app WHERE name = %s", (name,))
    if found is None:
        return None
    versions = step.rows("SELECT DISTINCT version_num FROM app_version WHERE appid = %s AND deprecated = 0 ORDER BY 1", (found[0],))
    number, its_name, min_version, redundancy, target = found
    nums = tuple(int(each) for (each,) in versions)
    return AppRow(int(number), to_text(its_name), int(min_version), int(redundancy), int(target), nums)


def _user(step: Transaction, email: str) -> int | None:
    found = step.row("SELECT id FROM user WHERE email_addr = %s", (email,))
    return None if found is None else int(found[0])


def _add_submitter(step: Transaction, email: str, name: str) -> int:
    user = _user(step, email)
    if user is None:
        columns: dict[str, Value] = {"email_addr": email, "name": name, "create_time": int(time.time())}
        columns |= {each: secrets.token_hex(16) for each in ("authenticator", "passwd_hash", "cross_project_id")}
        columns |= dict.fromkeys(_EMPTY, "")
        columns |= dict.fromkeys(_ZERO, 0)
        user = step.insert("user", columns)
    sql = """INSERT IGNORE INTO user_submit (user_id, quota, logical_start_time, submit_all, manage_all, max_jobs_in_progress)
             VALUES (%s, 0, 0, 1, 0, 0)"""
    step.change(sql, (user,))
    return user
