"""Settings of config.xml that PyBOINC's jobs want otherwise than make_project leaves them: for setup and doctor alike. Pure.

What each does is read in BOINC's source: sched/sched_config.cpp, sched_main.cpp, sched_check.cpp, handle_request.cpp,
file_upload_handler.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .project import Config, SetSetting


@dataclass(frozen=True)
class Knob:
    """A setting. value: what PyBOINC gives it unless is_good says that the admin's own choice will do."""

    name: str
    value: str
    is_good: Callable[[Config], bool]
    severity: str
    why: str

    def change(self, config: Config) -> SetSetting | None:
        """What it takes; None if it is good as it is."""
        if self.is_good(config):
            return None
        return SetSetting(self.name, config.text(self.name) if config.has(self.name) else None, self.value)


def _keeps_what_came(config: Config) -> bool:
    """Whether nobody may write to an output that has come whole. BOINC reads octal digits, and takes 0 for nothing said."""
    said = config.text("fuh_set_completed_permission")
    return bool(re.fullmatch("0*[1-7][0-7]*", said)) and not int(said, 8) & 0o222


KNOBS = (
    Knob(
        "next_rpc_delay",
        "60",
        lambda config: config.next_rpc_delay > 0,
        "slow",
        "a client that got no job asks again after 10 minutes, and less and less often, up to once a day; with it every that many seconds. "
        "60 suits some hundred hosts; take more for many thousands, each of which will call that often",
    ),
    Knob(
        "maintenance_delay",
        "60",
        lambda config: config.has("maintenance_delay"),
        "slow",
        "a client that calls while the project is stopped, if only for a restart, stays away for that many seconds: "
        "an hour, if nothing is said",
    ),
    Knob(
        "resend_lost_results",
        "1",
        lambda config: config.has("resend_lost_results"),
        "slow",
        "a job that never reached its client (a broken reply, a client set up anew) is waited for until its deadline; "
        "with it the client gets it again",
    ),
    Knob(
        "one_result_per_user_per_wu",
        "1",
        lambda config: config.one_result_per_user_per_wu,
        "unsafe",
        "a job whose quorum is above 1 may go to one volunteer several times, who then confirms his own result, be it wrong or forged. "
        "With it a quorum of 2 needs two volunteers",
    ),
    Knob(
        "fuh_set_completed_permission",
        "0444",
        _keeps_what_came,
        "unsafe",
        "a volunteer may upload an output once more, with something else in it, after it was found valid and before it is delivered. "
        "With it an output that has come whole is read-only",
    ),
)
