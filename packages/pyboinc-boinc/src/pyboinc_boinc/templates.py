"""BOINC's templates of PyBOINC's jobs: two input files, the program and the data; two outputs, of which the second is optional.

What differs from job to job, or from batch to batch, is said to create_work; only an output's limit stands in the template.
See BOINC's wiki, pages JobTemplates and WorkGeneration. Pure.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

FOLDER = "templates"
MAX_REPORT = 16_000_000  # bytes: what was printed, and tracebacks


@dataclass(frozen=True)
class Template:
    """A template's file. path: from the project's folder; the same content has the same one."""

    kind: str
    content: bytes

    @property
    def path(self) -> str:
        return f"{FOLDER}/pyboinc_{self.kind}_{hashlib.sha256(self.content).hexdigest()[:32]}"


INPUT = Template(
    "in",
    b"""<input_template>
<file_info><no_delete/></file_info>
<file_info></file_info>
<workunit>
<file_ref><open_name>program</open_name></file_ref>
<file_ref><open_name>input</open_name></file_ref>
</workunit>
</input_template>
""",
)
"""The program is not sticky, so that hosts do not keep it, and has no_delete, since the jobs of a batch share it."""


def output(max_output: int) -> Template:
    """max_output: bytes; a host's client reports an error in place of a longer file, and does not upload it.

    >>> output(100).path == output(100).path != output(101).path
    True
    """
    return Template(
        "out",
        f"""<output_template>
{_file_info(0, max_output)}
{_file_info(1, MAX_REPORT)}
<result>
<report_immediately/>
<file_ref><file_name><OUTFILE_0/></file_name><open_name>output</open_name><copy_file/></file_ref>
<file_ref><file_name><OUTFILE_1/></file_name><open_name>report</open_name><copy_file/><optional/><no_validate/></file_ref>
</result>
</output_template>
""".encode(),
    )


def _file_info(number: int, max_nbytes: int) -> str:
    name = f"<name><OUTFILE_{number}/></name><generated_locally/><upload_when_present/>"
    return f"<file_info>{name}<max_nbytes>{max_nbytes}</max_nbytes><url><UPLOAD_URL/></url></file_info>"
