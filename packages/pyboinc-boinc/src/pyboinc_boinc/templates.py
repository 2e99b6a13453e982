"""BOINC's templates of PyBOINC's jobs: two input files, the program and the data, and the user's data files after them; two
outputs, of which the second is optional.

What differs from job to job, or from batch to batch, is said to create_work; only an output's limit stands in the template.
See BOINC's wiki, pages JobTemplates and WorkGeneration. Pure.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pyboinc.slave.files import MAX_FILES_SIZE

from .slave.slot import data_name

FOLDER = "templates"
JOB_FOLDER = "job"
"""Of the slot: the one folder that the deterministic runtime sees. Clients make it for names that begin with it."""
MAX_REPORT = 16_000_000 + MAX_FILES_SIZE  # bytes: what was printed, tracebacks, and files that slaves wrote


@dataclass(frozen=True)
class Template:
    """A template's file. path: from the project's folder; the same content has the same one."""

    kind: str
    content: bytes

    @property
    def path(self) -> str:
        return f"{FOLDER}/pyboinc_{self.kind}_{hashlib.sha256(self.content).hexdigest()[:32]}"


def inputs(data_files: int = 0, lifetime: float = 0.0, wasm: bool = False) -> Template:
    """data_files: how many come with a job.  lifetime: seconds for which a host keeps them after it was last told of them.
    wasm: for the deterministic runtime, which gets copies: it sees no links out of its folder.

    Files that jobs share have no_delete, or the server would remove them with the first of the jobs. The program is not sticky:
    no batch but its own has a use for it. (Sticky with a lifetime of 0 is, to a client, sticky for ever.)

    >>> inputs(1, 60.0).path == inputs(1, 60.0).path != inputs(2, 60.0).path
    True
    """
    sticky = f"<sticky/><sticky_lifetime>{lifetime:.0f}</sticky_lifetime>" if round(lifetime) else ""
    lines = [
        "<input_template>",
        "<file_info><no_delete/></file_info>",
        "<file_info></file_info>",
        *[f"<file_info>{sticky}<no_delete/></file_info>"] * data_files,
        "<workunit>",
        *[_file_ref(name, wasm) for name in ("program", "input", *map(data_name, range(data_files)))],
        "</workunit>",
        "</input_template>",
        "",
    ]
    return Template("in", "\n".join(lines).encode())


def _file_ref(name: str, wasm: bool) -> str:
    where = f"<open_name>{JOB_FOLDER}/{name}</open_name><copy_file/>" if wasm else f"<open_name>{name}</open_name>"
    return f"<file_ref>{where}</file_ref>"


def output(max_output: int, wasm: bool = False) -> Template:
    """max_output: bytes; a host's client reports an error in place of a longer file, and does not upload it.

    >>> output(100).path == output(100).path != output(101).path
    True
    """
    place = f"{JOB_FOLDER}/" if wasm else ""
    return Template(
        "out",
        f"""<output_template>
{_file_info(0, max_output)}
{_file_info(1, MAX_REPORT)}
<result>
<report_immediately/>
<file_ref><file_name><OUTFILE_0/></file_name><open_name>{place}output</open_name><copy_file/></file_ref>
<file_ref><file_name><OUTFILE_1/></file_name><open_name>{place}report</open_name><copy_file/><optional/><no_validate/></file_ref>
</result>
</output_template>
""".encode(),
    )


def _file_info(number: int, max_nbytes: int) -> str:
    name = f"<name><OUTFILE_{number}/></name><generated_locally/><upload_when_present/>"
    return f"<file_info>{name}<max_nbytes>{max_nbytes}</max_nbytes><url><UPLOAD_URL/></url></file_info>"
