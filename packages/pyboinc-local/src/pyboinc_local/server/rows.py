"""The rows that the server's state machines change, and BOINC's numbers in them.

A row has those of its table's columns that decisions need. Times are seconds of the project's clock, a float.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pyboinc.states import ASSIMILATE_INIT, FILE_DELETE_INIT, NEVER, NO_OUTCOME, UNSENT, VALIDATE_INIT

# app.homogeneous_redundancy
HR_NONE: Final = 0
HR_FINE: Final = 1
HR_COARSE: Final = 2

# exit statuses with a meaning of their own (lib/error_numbers.h)
EXIT_ABORTED_BY_PROJECT: Final = 202
EXIT_ABORTED_VIA_GUI: Final = 203

DAY: Final = 86400.0


@dataclass(frozen=True)
class Config:
    """The project's config.xml, as far as decisions read it. Defaults: what `make_project` writes, else the scheduler's own.

    one_result_per_user_per_wu, one_result_per_host_per_wu: off by default, so that a host can agree with itself.
    daily_result_quota (int): jobs a day for each processor and app version; 0 means no quota.
    delete_delay, report_grace_period, purge_min_age: seconds; the last one is db_purge's `--min_age_days`.
    shmem_work_items (int): how many unsent results the scheduler looks at.
    reliable_priority_on_over, reliable_priority_on_over_except_error (int): how much sooner a retry is sent.
    boinc_exact: also do what BOINC does where that is questionable; see `validator.py`.
    """

    one_result_per_user_per_wu: bool = False
    one_result_per_host_per_wu: bool = False
    daily_result_quota: int = 500
    resend_lost_results: bool = False
    hr_class_static: bool = False
    delete_delay: float = 0.0
    report_grace_period: float = 0.0
    purge_min_age: float = DAY
    shmem_work_items: int = 100
    reliable_priority_on_over: int = 0
    reliable_priority_on_over_except_error: int = 0
    boinc_exact: bool = False


@dataclass(eq=False)
class App:
    """An app. target_nresults above 1 makes its workunits with target 1 adaptive; homogeneous_redundancy: HR_NONE, HR_FINE, HR_COARSE."""

    id: int
    name: str
    homogeneous_redundancy: int = HR_NONE
    target_nresults: int = 0
    min_version: int = 0


@dataclass(eq=False)
class AppVersion:
    """A version of an app for one platform. flops (float): speed beside other versions on the same host."""

    id: int
    appid: int
    version_num: int
    platform: str
    deprecated: bool = False
    flops: float = 1.0


@dataclass(eq=False, slots=True)
class HostAppVersion:
    """What the project knows of one host's work with one app version. max_jobs_per_day: 0 until the host's next request."""

    max_jobs_per_day: int = 0
    n_jobs_today: int = 0
    consecutive_valid: int = 0


@dataclass(eq=False, slots=True)
class Host:
    """A volunteer's computer.

    platforms: names such as "windows_x86_64", its primary one first.  p_fpops: operations a second of one processor.
    rpc_time: when it last made a request.  app_versions: its HostAppVersion by app version's number.
    in_progress: results that it was sent and has not reported, by number.
    """

    id: int
    userid: int
    platforms: tuple[str, ...]
    os_name: str = ""
    p_vendor: str = ""
    p_model: str = ""
    p_ncpus: int = 1
    p_fpops: float = 1e9
    rpc_time: float = 0.0
    app_versions: dict[int, HostAppVersion] = field(default_factory=dict)
    in_progress: dict[int, Result] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Workunit:
    """A job.

    job: what the shell wants to keep with it, such as its input file; dropped when input files are deleted.
    app_version_num: the one version that its batch wants; 0 means the newest.  hr_class: 0 until it is sent.
    results: its instances in the order made.  wake_time: when the project looks at it next, see `store.py`.
    """

    id: int
    name: str
    appid: int
    batch: int
    job: object
    create_time: float
    min_quorum: int
    target_nresults: int
    max_error_results: int
    max_total_results: int
    max_success_results: int
    delay_bound: float
    rsc_fpops_est: float
    priority: int = 0
    app_version_num: int = 0
    transition_time: float = 0.0
    hr_class: int = 0
    error_mask: int = 0
    need_validate: bool = False
    canonical_resultid: int = 0
    assimilate_state: int = ASSIMILATE_INIT
    file_delete_state: int = FILE_DELETE_INIT
    no_new_results: bool = False
    wake_time: float = NEVER
    results: list[Result] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Result:
    """An instance of a job, sent to one host.

    output, report: its output files' contents; dropped when they are deleted.  stderr: a stranger's text.
    elapsed_time: seconds of computing.
    """

    id: int
    workunitid: int
    priority: int
    server_state: int = UNSENT
    outcome: int = NO_OUTCOME
    validate_state: int = VALIDATE_INIT
    file_delete_state: int = FILE_DELETE_INIT
    hostid: int = 0
    userid: int = 0
    app_version_id: int = 0
    sent_time: float = 0.0
    report_deadline: float = 0.0
    received_time: float = 0.0
    elapsed_time: float = 0.0
    exit_status: int = 0
    output: bytes | None = None
    report: bytes = b""
    stderr: str = ""
