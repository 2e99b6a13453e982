"""What a release needs beside the wheels: the changelog from its fragments, and a look at what would be uploaded.

    python docs/release.py changelog              print the section that the next release gets
    python docs/release.py changelog --write DATE write it into CHANGELOG.md, under the version, and remove the fragments
    python docs/release.py check DIST             five wheels and five sdists of one version, each with what belongs into it
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("pyboinc-assimilator", "pyboinc-boinc", "pyboinc-core", "pyboinc-local", "pyboinc-validator")
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
"""Headings of Keep a Changelog; a fragment is docs/changes/NAME.KIND.md, in lower case, and holds one or more list items."""
HEADING = "## [Unreleased]"


def version() -> str:
    """The one place that says it."""
    text = (ROOT / "packages/pyboinc-core/src/pyboinc/version.py").read_text("utf-8")
    found = re.search(r'^__version__ = "(\d+\.\d+\.\d+\S*)"$', text, re.MULTILINE)
    assert found, "version.py says no version"
    return found[1]


def parts(text: str) -> dict[str, str]:
    """The lists of a section of the changelog, by heading.

    >>> parts("### Added\\n\\n- This.\\n\\n### Fixed\\n\\n- That.\\n")
    {'Added': '- This.', 'Fixed': '- That.'}
    """
    found = re.split(r"^### (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {kind: items.strip() for kind, items in zip(found[::2], found[1::2], strict=True)}


def gathered(unreleased: str, fragments: dict[str, str]) -> str:
    """The whole section: what the changelog has under Unreleased, and the fragments (name -> text). Raises ValueError.

    >>> print(gathered("### Added\\n\\n- This.", {"that.fixed.md": "- That.", "more.added.md": "- More."}))
    ### Added
    <BLANKLINE>
    - This.
    - More.
    <BLANKLINE>
    ### Fixed
    <BLANKLINE>
    - That.
    """
    lists = {kind: [text] for kind, text in parts(unreleased).items()}
    for name, text in sorted(fragments.items()):
        kind = name.split(".")[-2].capitalize() if name.count(".") >= 2 else ""
        if kind not in KINDS:
            raise ValueError(f"docs/changes/{name}: its name must end in one of {', '.join(f'.{each.lower()}.md' for each in KINDS)}")
        if not text.startswith("- "):
            raise ValueError(f"docs/changes/{name}: must be a list, '- ...'")
        lists.setdefault(kind, []).append(text.strip())
    return "\n\n".join(f"### {kind}\n\n" + "\n".join(lists[kind]) for kind in KINDS if kind in lists)


def changelog(date: str) -> str:
    """The section; with a date it is written, and the fragments are removed."""
    page = ROOT / "CHANGELOG.md"
    before, after = page.read_text("utf-8").split(HEADING + "\n", 1)
    unreleased, *older = re.split(r"^(?=## \[)", after, maxsplit=1, flags=re.MULTILINE)
    files = [path for path in sorted((ROOT / "docs/changes").glob("*.md")) if path.name != "README.md"]
    section = gathered(unreleased, {path.name: path.read_text("utf-8") for path in files})
    if date:
        if not section:
            raise ValueError("nothing has changed since the last release")
        page.write_text(f"{before}{HEADING}\n\n## [{version()}] - {date}\n\n{section}\n\n{''.join(older)}".rstrip() + "\n", "utf-8")
        for path in files:
            path.unlink()
    return section


def check(dist: Path) -> None:
    """Raises ValueError with all that is wrong."""
    found = version()
    series = ".".join(found.split(".")[:2])
    wanted = {f"{name.replace('-', '_')}-{found}{end}" for name in PACKAGES for end in ("-py3-none-any.whl", ".tar.gz")}
    there = {path.name for path in dist.iterdir() if path.suffix in (".whl", ".gz")}
    wrong = [f"missing: {name}" for name in sorted(wanted - there)] + [f"not of this release: {name}" for name in sorted(there - wanted)]
    for path in sorted(dist.glob("*.whl")):
        with zipfile.ZipFile(path) as wheel:
            names = wheel.namelist()
            meta = Parser().parsestr(next(wheel.read(name).decode() for name in names if name.endswith(".dist-info/METADATA")))
        package = path.name.split("-")[0].removeprefix("pyboinc_")
        module = "pyboinc" if package == "core" else f"pyboinc_{package}"
        wrong += [f"{path.name}: no {what}" for what in ("LICENSE", "py.typed") if not any(name.endswith(what) for name in names)]
        wrong += [f"{path.name}: {name} does not belong there" for name in names if name.split("/")[0] not in (module, _info(path))]
        wrong += [f"{path.name}: {name} is compiled" for name in names if name.endswith((".pyc", ".so"))]
        if not (meta["Version"] == found and meta["License-Expression"] and meta["Description-Content-Type"] and meta.get_payload()):
            wrong.append(f"{path.name}: its metadata lacks version {found}, licence or description")
        for need in meta.get_all("Requires-Dist", []):
            if need.startswith("pyboinc-") and (f">={series}" not in need or "<" not in need):
                wrong.append(f"{path.name}: needs {need}, and not that of {series}")
    for path in sorted(dist.glob("*.tar.gz")):
        with tarfile.open(path) as sdist:
            if not any(name.endswith("/LICENSE") for name in sdist.getnames()):
                wrong.append(f"{path.name}: no LICENSE")
    if not (ROOT / "tests/batches/saved" / found).is_dir():
        wrong.append(f"no batch directories of {found} are kept for later versions: python3 noxfile.py -s save_batches")
    if wrong:
        raise ValueError("\n".join(wrong))
    print(f"{len(there)} files of version {found}")


def _info(wheel: Path) -> str:
    return "-".join(wheel.name.split("-")[:2]) + ".dist-info"


def main(arguments: list[str]) -> None:
    try:
        if arguments[:1] == ["check"] and len(arguments) == 2:
            check(Path(arguments[1]))
        elif arguments == ["changelog"] or (arguments[:2] == ["changelog", "--write"] and len(arguments) == 3):
            print(changelog(arguments[2] if len(arguments) == 3 else ""))
        else:
            sys.exit(__doc__)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
