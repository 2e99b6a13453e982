"""Where the output files of results are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from html import unescape

from pyboinc.ledger import OutputFile

from ..hierarchy import path_of
from ..project import Project
from ..templates import JOB_FOLDER

_FILE_REF = re.compile(r"<file_ref>(.*?)</file_ref>", re.DOTALL)


class Uploads:
    """The upload hierarchy of a project."""

    def __init__(self, project: Project) -> None:
        self._folder = project.path(project.config.upload_dir)
        self._fanout = project.config.fanout

    def files(self, xml_doc_in: str) -> dict[str, str]:
        """All of a result, by logical name: the same wherever slaves ran."""
        return {file.logical_name: file.path for file in self.outputs(xml_doc_in)}

    def outputs(self, xml_doc_in: str) -> tuple[OutputFile, ...]:
        """The same, in their order."""
        return tuple(self._found(xml_doc_in))

    def _found(self, xml_doc_in: str) -> Iterator[OutputFile]:
        """Names of other forms than the server gives are left out: they could lead elsewhere."""
        for match in _FILE_REF.finditer(xml_doc_in):
            name, logical = (_element(match[1], each) for each in ("file_name", "open_name"))
            if name and os.path.basename(name) == name and not name.startswith("."):
                path = path_of(self._folder, self._fanout, name)
                logical = (logical or name).removeprefix(f"{JOB_FOLDER}/")
                yield OutputFile(logical, path, _flag(match[1], "optional"), not _flag(match[1], "no_validate"))


def _element(xml: str, name: str) -> str:
    match = re.search(rf"<{name}>\s*(.*?)\s*</{name}>", xml, re.DOTALL)
    return unescape(match[1]) if match else ""


def _flag(xml: str, name: str) -> bool:
    return bool(re.search(rf"<{name}\s*/>|<{name}>\s*1\s*</{name}>", xml))
