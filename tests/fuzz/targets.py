"""What is fuzzed: a function for each kind of bytes that come from elsewhere. It returns, whatever it gets, or has found a fault.

Each holds its subject against what it promises (its own errors and no others) and, where there is one, against something that
must agree: another parser, the way back to bytes, another order of the arguments. `fuzz.py` runs them; so does `test_corpus.py`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple
from xml.dom import Node, expatbuilder

from pyboinc import codec, display, records
from pyboinc import settings as toml_settings
from pyboinc.batchdir import CHECKPOINT, JOURNAL, BatchDir, BatchError, Checkpoint
from pyboinc.bundle import BundleError, manifest, reproducible_zip
from pyboinc.errors import DecodeError
from pyboinc.model import JobSettings, Record, ResultSummary, SettingsError
from pyboinc.overview import Ledger, groups, survey
from pyboinc.slave import files
from pyboinc.slave.verify import SignatureError, Trust, verify
from pyboinc.testing import MemoryFileSystem
from pyboinc.testing.attacks import ATTACKS
from pyboinc_assimilator.decide import said
from pyboinc_boinc import rsa
from pyboinc_boinc.project import APPS, CONFIG, Config, ProjectError, ProjectXml
from pyboinc_boinc.sign import signed
from pyboinc_boinc.slave import softlink
from pyboinc_boinc.slave.init_data import InitData
from pyboinc_boinc.store.uploads import Uploads
from pyboinc_boinc.xmledit import Document, Element, XmlError, parse
from pyboinc_local.fleet import hosts, schema
from pyboinc_local.fleet.availability import read_trace
from pyboinc_local.model_time import Stream
from pyboinc_validator import comparators
from pyboinc_validator.quorum import Check

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "codec"))
import codec_app as app


class Target(NamedTuple):
    """run: raises what is a fault.  seeds: inputs to begin with.  words: that the format knows."""

    run: Callable[[bytes], None]
    seeds: list[bytes]
    words: list[bytes]


TARGETS: dict[str, Target] = {}


def target(*seeds: bytes | str, words: str = "") -> Callable[[Callable[[bytes], None]], Callable[[bytes], None]]:
    """words: separated by white space."""

    def add(run: Callable[[bytes], None]) -> Callable[[bytes], None]:
        TARGETS[run.__name__] = Target(run, [_bytes(each) for each in seeds], [word.encode() for word in words.split()])
        return run

    return add


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# ---- What volunteers' computers send

KNOWN = codec.Classes(["codec_app"])
_VALUES = [codec.dumps(value, KNOWN) for value in [*app.values(), *app.odd()]]


@target(*(data for data in _VALUES if len(data) < 2000), *(data for _, data, _ in ATTACKS if len(data) < 2000))
def decoder(data: bytes) -> None:
    """What is accepted has this one encoding, and is what pickle's own reader makes of it."""
    try:
        tree = codec.parse(data)
    except DecodeError:
        tree = None
    else:
        assert codec.dumps(tree) == data
        assert codec.dumps(_neutral(_Pickle(io.BytesIO(data)).load())) == data
    try:
        value = codec.loads(data, KNOWN)
    except DecodeError:
        return
    assert codec.dumps(value, KNOWN) == data == codec.dumps(tree), "what loads takes, parse takes"


class _Pickle(pickle.Unpickler):
    """pickle's own reader, with a stub for each class: it runs nothing of the data's."""

    def find_class(self, module: str, name: str) -> Any:
        return type("Stub", (_Stub,), {"place": (module, name)})


class _Stub:
    place = "", ""
    state: Any = None

    def __new__(cls, *values: Any) -> Any:
        if not values:
            return super().__new__(cls)
        if cls.place == ("builtins", "complex"):
            return complex(*values)
        if cls.place[0] == "numpy":
            return codec.Array(*values) if cls.place[1] == "ndarray" else codec.Scalar(cls.place[1], *values)
        return codec.Made(*cls.place, values)

    def __setstate__(self, state: Any) -> None:
        self.state = state


def _neutral(value: Any) -> Any:
    """What pickle made, with neutral instances in place of stubs."""
    if isinstance(value, _Stub):
        return codec.Instance(*value.place, _neutral(value.state))
    kind = type(value)
    if kind in (list, tuple):
        return kind(map(_neutral, value))
    if kind is dict:
        return {key: _neutral(item) for key, item in value.items()}
    return codec.Made(value.module, value.name, _neutral(value.args)) if kind is codec.Made else value


@target(*(bytes(range(start, start + 24)) for start in range(0, 240, 24)))
def values(data: bytes) -> None:
    """A value made from the bytes, there and back."""
    value = _value(iter(data[:2000]), 6)  # a byte may stand for a long int
    try:
        written = codec.dumps(value, KNOWN)
    except codec.EncodeError as error:
        assert "key" in str(error), error
        return
    assert codec.dumps(codec.loads(written, KNOWN), KNOWN) == written == codec.dumps(codec.parse(written))
    assert codec.dumps(_neutral(_Pickle(io.BytesIO(written)).load())) == written


_ATOMS: list[Any] = [None, True, False, *app.INTS, 0.0, -0.0, 1.5, app.NAN, app.INF, "", "a", "é" * 128, b"", b"\xff" * 256, 1j]
_ATOMS += [app.Color.RED, app.Level.HIGH, app.Name.A, app.Perm.R]


def _value(data: Iterator[int], depth: int) -> Any:
    kind = next(data, 0)
    if kind < 128 or depth == 0:
        return _ATOMS[kind % len(_ATOMS)]
    if kind < 136:
        return int.from_bytes(bytes(next(data, 0) for _ in range(kind - 127)), "little", signed=True)
    if kind < 140:
        return [float(next(data, 0)) for _ in range(kind - 120)]
    if kind < 176:
        return _CONTAINERS[kind % 3](_value(data, depth - 1) for _ in range((kind - 140) // 3))
    if kind < 212:
        return _KEYED[kind % 3](_key(data) for _ in range((kind - 176) // 3))
    if kind < 232:
        return {_key(data): _value(data, depth - 1) for _ in range(kind - 212)}
    fields = [_value(data, depth - 1) for _ in range(5)]
    if kind < 240:
        return app.Wide(*fields)
    if kind < 248:
        return app.Plain(**{f"field{number}": field for number, field in enumerate(fields[: kind - 243])})
    return [app.Slots, app.Data, app.Box, app.Point][kind % 4](fields[0])


_CONTAINERS: list[Callable[..., Any]] = [list, tuple, lambda values: app.SlotsAndDict(0, **{f"f{k}": v for k, v in enumerate(values)})]
_KEYED: list[Callable[..., Any]] = [set, frozenset, lambda keys: dict.fromkeys(keys, 0)]


def _key(data: Iterator[int]) -> Any:
    key = _value(data, 0)
    return (key, next(data, 0)) if next(data, 0) % 4 == 3 else key


_ENTRIES = [files.ok_entry(each) for each in _VALUES if len(each) < 500]
_ENTRIES.append(files.ok_entry(_VALUES[0], [("out.txt", 5, bytes(32))]))
_ENTRIES.append(files.error_entry("ZeroDivisionError", [("app_slave", "<module>", 3)]))
_OUTPUTS = [files.output_file([entry]) for entry in _ENTRIES] + [files.output_file(_ENTRIES[:5]), files.output_file([])]
_COMPARATORS = [comparators.load(spec) for spec in ("bitwise", "ulp:0", "ulp:4,[*].ulps=9", "tolerance:relative=1e-9,*.absolute=0.5")]
_BETWEEN = b"\n--\n"


@target(*_OUTPUTS, *(_BETWEEN.join(pair) for pair in combinations(_OUTPUTS[::9], 2)), words="--")
def outputs(data: bytes) -> None:
    """Two output files, compared in every way: as the validator, `pyboinc validate --explain` and `pyboinc check` do."""
    pair = [*data.split(_BETWEEN, 1), data][:2]
    verdicts = []
    for comparator in _COMPARATORS:
        candidates = [comparators.candidate(number, each, comparator) for number, each in enumerate(pair)]
        if any(each.check is not Check.OK for each in candidates):
            return
        a, b = (each.output for each in candidates)
        assert comparator.same(a, a) and comparator.same(b, b)
        verdicts.append(comparator.same(a, b))
        assert verdicts[-1] == comparator.same(b, a)
        told = comparator.difference(a, b)
        assert (told is None) == verdicts[-1], told
        assert told is None or is_tame(told)
    assert all(verdicts) or not verdicts[0], "what is the same is close, too"
    assert verdicts[2] or not verdicts[1]
    trees = [[entry[1] for entry in files.parse_output_file(each)] for each in pair]
    pairs, told = comparators.float_pairs(*trees)
    assert all(bits in (16, 32, 64) for _, _, bits in pairs) and (told is None or is_tame(told))


def is_tame(text: str) -> bool:
    """Fit for a line of a terminal or a log."""
    return text.isprintable() and len(text) < 30_000  # of a path, 200 steps of a dict's long keys


_JOURNAL = [["program", "app_slave.py", "0" * 64], ["made", "0", 0, [["d0", "app_slave.py(1)"]]]]
_JOURNAL += [["made", "1", 0, [["d1", "app_slave.py(2)"], ["d2", "app_slave.py(3)"]]], ["handled", "0", False], ["failed", "0"]]
_SAID = ResultSummary(3, 1, "host 5", "Traceback\nMemoryError: \x1b[2J", 2)
_REPORT = files.report_file([("out", "err", "message", "Traceback\n\x07"), ("", "", "", "", {"a.txt": b"abc"})])
_RECORDS = [
    Record("pyboinc_1_c0ffee_0", None, b"", 2, (_SAID, _SAID)),
    Record("pyboinc_1_c0ffee_1", files.output_file([_ENTRIES[-1], _ENTRIES[0]]), _REPORT, 0, (_SAID,), 1.5),
    Record("pyboinc_1_c0ffee_1", files.output_file([_ENTRIES[-1]]), b"", 0),
]


@target(records.dump_records(_RECORDS), *(records.dump_records([each]) for each in _RECORDS), words="pyboinc_1_c0ffee_0 pyboinc_1_c0ffee_1")
def result_file(data: bytes) -> None:
    """Records, as the master and `pyboinc status`, `errors` and `dashboard` read them."""
    try:
        found = records.load_records(data)
    except DecodeError:
        return
    assert records.dump_records(found) == data
    overview = survey(Ledger(_JOURNAL), found, details=True)
    assert overview.calls.made == 3
    for group in groups(overview.failures):
        for each in group:
            assert is_tame("".join(display.printable(str(each.error)).split()) [:30_000])
    for record in found:
        assert all(type(each) is str for each in records.report_part(record, 0))
        for name, content in records.contents(record, 0).items():
            assert type(content) is bytes and files.is_file_name(name)


@target(_REPORT, files.report_file([("o", "e", "", "")]), b"")
def report(data: bytes) -> None:
    """What nobody has validated."""
    try:
        parts = files.read_report_file(data)
    except DecodeError:
        return
    for part in parts:
        assert all(type(each) is str for each in part[:4])
        for name, content in (part[4] if len(part) == 5 else {}).items():
            assert type(content) is bytes and files.is_file_name(name)


@target(
    "<core_client_version>8.0.2</core_client_version>\n<![CDATA[\n<message>\nprocess exited with code 1 (0x1, -255)</message>\n"
    "<stderr_txt>\npyboinc: no\n\n</stderr_txt>\n]]>\n",
    "<message> \n </message>",
    words="<message> </message> <stderr_txt> </stderr_txt> <![CDATA[ ]]>",
)
def stderr(data: bytes) -> None:
    """What a client sends with a result."""
    assert said(data) in text_of(data)


# ---- What a project's server has


class _NoProject:
    class config:
        upload_dir = "upload"
        fanout = 1024

    @staticmethod
    def path(*names: str) -> str:
        return os.path.join("/project", *names)


_FILE_REF = "<file_ref>\n  <file_name>{0}</file_name>\n  <open_name>output</open_name>\n  <copy_file/><optional>1</optional>\n</file_ref>\n"


@target(
    *(_FILE_REF.format(name) for name in ("a_0_0", "../x", "a&amp;b", ".x")),
    words="<file_ref> </file_ref> <file_name> </file_name> <open_name> </open_name> <optional/> <no_validate>1 &#46; &#47; ../",
)
def result_xml(data: bytes) -> None:
    """Where a result's files are: below the upload folder, whatever their names."""
    for path in Uploads(_NoProject()).files(text_of(data)).values():  # type: ignore[arg-type]
        above, folder, name = path.rsplit("/", 2)
        assert above == "/project/upload" and int(folder, 16) < 1024 and name not in ("", ".", "..")


_CONFIG = """<?xml version="1.0" ?>
<boinc>
    <config>
        <!-- the database -->
        <db_host>localhost:3306</db_host><db_name>boinc</db_name> <db_passwd>a&amp;b</db_passwd>
        <shmem_key>0x1111abcd</shmem_key>
        <one_result_per_user_per_wu/>
        <uldl_dir_fanout>1024</uldl_dir_fanout>
        <master_url>http://127.0.0.1/x/</master_url>
    </config>
    <daemons>
        <daemon><cmd>'/opt/a b/pyboinc-assimilator' -d 3 --app pyboinc</cmd><pid_file>a.pid</pid_file></daemon>
        <daemon><cmd>sample_bitwise_validator --app "x</cmd><disabled>1</disabled></daemon>
    </daemons>
    <tasks><task><cmd>run_in_ops ./notify.php</cmd><period>1 day</period></task></tasks>
</boinc>
"""
_PROJECT_XML = """<boinc>
    <platform><name>x86_64-pc-linux-gnu</name><user_friendly_name>Linux</user_friendly_name></platform>
    <app><name>pyboinc</name><user_friendly_name>P</user_friendly_name><min_version>101</min_version></app>
</boinc>
"""


@target(
    _CONFIG,
    _CONFIG.replace("\n", "\r\n").replace("/>", " />").replace("boinc<", "<![CDATA[boinc]]><"),
    _CONFIG.encode("iso-8859-1").replace(b'"1.0"', b'"1.0" encoding="iso-8859-1"').replace(b"a&amp;b", b"\xe9"),
    words="<config> <daemons> <daemon> <cmd> <!-- --> <![CDATA[ ]]> <? ?> encoding='utf-16' encoding='latin-1' &#x41; &lt; <!DOCTYPE",
)
def config_xml(data: bytes) -> None:
    """The same elements as another parser finds; and an edit changes what it is to change, and nothing else."""
    document = _document(CONFIG, data)
    if document is None:
        return
    try:
        config = Config(document)
    except ProjectError:
        return
    for name in [each for each, kind in vars(Config).items() if isinstance(kind, property) and not each.startswith("_")]:
        with contextlib.suppress(ProjectError):
            getattr(config, name)
    for task in [*config.daemons, *config.tasks]:
        assert type(task.program + task.executable + task.app + task.output_name + task.lock_name) is str
    _edited(document, lambda: config.set("master_url", "http://é<&").document, "master_url", "http://é<&")
    _edited(document, lambda: config.set("new_setting", "1").document, "new_setting", "1")


@target(_PROJECT_XML, words="<app> <platform> <name> <user_friendly_name> <min_version> <!-- --> <![CDATA[ ]]>")
def project_xml(data: bytes) -> None:
    document = _document(APPS, data)
    if document is None:
        return
    try:
        found = ProjectXml(document)
    except ProjectError:
        return
    assert all(type(each) is str for each in found.platforms)
    if found.apps:
        _edited(document, lambda: found.set_min_version(found.apps[-1].name, "205").document, "min_version", "205")


def _document(name: str, data: bytes) -> Document | None:
    try:
        document = parse(name, data)
    except XmlError:
        return None
    assert _shape(document.root) == _shape_of(expatbuilder.parseString(data, namespaces=False).documentElement)
    return document


def _edited(document: Document, edit: Callable[[], Document], name: str, text: str) -> None:
    """The edit gives the element that text, and changes no other."""
    try:
        after = edit()
    except XmlError as error:
        assert "holds elements" in str(error), error
        return
    before, now = _flat(document.root), _flat(after.root)
    assert (name, text) in now
    changed = [each for each in before if each[0] != name and before.count(each) != now.count(each)]
    parents = {each for each in changed if not each[1]}  # white space between elements may change
    assert not set(changed) - parents, changed


def _flat(element: Element) -> list[tuple[str, str]]:
    return [(element.name, element.text.strip()), *(each for child in element.children for each in _flat(child))]


def _shape(element: Element) -> tuple[Any, ...]:
    return element.name, element.text, *map(_shape, element.children)


def _shape_of(element: Any) -> tuple[Any, ...]:
    texts = (child.data for child in element.childNodes if child.nodeType in (Node.TEXT_NODE, Node.CDATA_SECTION_NODE))
    return element.tagName, "".join(texts), *(_shape_of(child) for child in element.childNodes if child.nodeType == Node.ELEMENT_NODE)


# ---- What people write

_FLEET = """description = "Two kinds"
[every_host]
on = "lognormal 2.5h 0.4"
off = "exponential 4h 2d"
[[hosts]]
number = 3
platform = "windows_x86_64"
processor = ["AuthenticAMD", "AMD Ryzen"]
speed = "normal 4 0.5 1"
wrong = 0.1
[[hosts]]
number = 2
name = "liars"
life = "weibull 30d 0.7"
detaches = true
collude = "a"
honest_until = 5
ncpus = 4
begin = "off"
"""


@target(_FLEET, *(path.read_bytes() for path in sorted(schema.DATA.glob("*.toml"))), words=" ".join(schema._KEYS))
def fleet(data: bytes) -> None:
    """A fleet file, and the hosts that it describes."""
    try:
        found = schema.parse(text_of(data), "/nowhere/fleet.toml")
    except SettingsError as error:
        assert str(error).startswith("/nowhere/fleet.toml")
        return
    if found.number > 100:
        return
    for host in hosts.hosts(found, 1):
        assert 1 <= host.ncpus < math.inf and 0 < host.speed < math.inf
        if host.availability:
            sessions = host.availability.intervals(0.0, Stream("on"))
            ends = [moment for _ in range(3) for moment in next(sessions)]
            assert ends == sorted(ends) and ends[0] >= 0
        assert host.life is None or host.life(Stream("life")) >= 0


@target("e c n p name type start stop\n1\t0\t7\t0\tx\t1\t10\t20.5\n2\t0\t7\t0\tx\t0\t20.5\t30\n3 0 8 0 x 1 5 25", words="1e999 -inf nan #")
def trace(data: bytes) -> None:
    try:
        found = read_trace(text_of(data).splitlines())
    except ValueError:
        return
    for host in found:
        ends = [moment for session in host.sessions for moment in session]
        assert ends == sorted(ends) and 0 <= ends[0] < ends[-1] <= host.length < math.inf


_TOML = 'interface = "boinc"\nproject_home = "~/x"\n[job]\nquorum = 2\nrequires = ["numpy"]\nmemory = 1e9\n[local]\nhosts = 3\n[[a.b]]'


@target(_TOML, words=" ".join(each.name for each in dataclasses.fields(JobSettings)))
def pyboinc_toml(data: bytes) -> None:
    path = os.path.join(SCRATCH, toml_settings.FILE)
    Path(path).write_bytes(data)
    with contextlib.suppress(SettingsError):
        assert isinstance(toml_settings.read_toml(path).job, JobSettings)


_SPEC = "tolerance:relative=1e-9,powers['a,b'][*][-1].absolute=1"


@target(*(each.spec for each in _COMPARATORS), _SPEC, words="[*] .* ['a'] relative= absolute= ulps=")
def comparator_spec(data: bytes) -> None:
    text = text_of(data)
    if text.strip().partition(":")[0] not in comparators.COMPARATORS:  # it would be a module to import
        return
    try:
        made = comparators.load(text)
    except SettingsError:
        return
    assert comparators.load(made.spec).spec == made.spec


# ---- What a volunteer's computer gets from a project, and from its client

SCRATCH = tempfile.mkdtemp(prefix="pyboinc-fuzz-")


@target("<soft_link>../../projects/127.0.0.1_x/input_1</soft_link>\n", "", "PK\x03\x04", words="<soft_link> </soft_link> ../ /")
def soft_link(data: bytes) -> None:
    Path(SCRATCH, "input").write_bytes(data)
    assert os.path.isabs(softlink.resolve("input", SCRATCH))


_INIT = (
    "<app_init_data>\n<major_version>8</major_version>\n<app_name>x</app_name>\n<project_preferences>\n<color>&lt;<a><client_pid>7</client_pid>"
    "</project_preferences>\n<client_pid>1234</client_pid>\n<checkpoint_period>60.000000</checkpoint_period>\n<wu_cpu_time>1e3</wu_cpu_time>\n"
    "<fraction_done_start>0.1</fraction_done_start>\n<comm_obj_name>boinc_0</comm_obj_name>\n</app_init_data>\n"
)


@target(_INIT, words="<app_init_data> <client_pid> </client_pid> <wu_cpu_time> </wu_cpu_time> nan 1e999 -1")
def init_data(data: bytes) -> None:
    try:
        told = InitData(text_of(data))
    except ValueError:
        return
    numbers = [told.client_pid, told.checkpoint_period, told.wu_cpu_time, told.fraction_done_start, told.fraction_done_end]
    assert all(0 <= each < math.inf for each in numbers) and type(told.client_pid) is int


_KEY = rsa.PrivateKey(2**1279 - 1, 2**2203 - 1)  # Mersenne's primes: a key that is quickly made, and nobody's
_TRUST = Trust("http://127.0.0.1/x/", "pyboinc", _KEY.modulus)
_MANIFEST = b"format 2\nslave app_slave.py\nmodule app_types\n"
_PROGRAM = reproducible_zip({"app_slave.py": b"1\n", "__main__.py": b"", "pyboinc.txt": _MANIFEST})
_SIGNED = signed(_PROGRAM, _KEY, _TRUST.project, _TRUST.app)


@target(_SIGNED, _PROGRAM, words="pyboinc-signature project app key sha256 signature")
def signed_program(data: bytes) -> None:
    """Nothing but what was signed."""
    try:
        verify(data, _TRUST)
    except SignatureError:
        return
    assert data == _SIGNED


@target(_PROGRAM, _SIGNED, words="format slave module requires main")
def program(data: bytes) -> None:
    with contextlib.suppress(BundleError):
        manifest(data)


@target(_TRUST.text(), words="pyboinc-trust project app modulus")
def trust(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        found = Trust.parse(data)
        assert Trust.parse(found.text()).text() == found.text() and len(found.key_id) == 16


# ---- A batch directory that something has damaged


_CHECKPOINTS = Checkpoint(7, "local", "", "c0ffee", 3), Checkpoint(0, "boinc", "/a: b", "0", -1, "retired")


@target(*(each.dump() for each in _CHECKPOINTS), words="backend: state: finished")
def checkpoint(data: bytes) -> None:
    try:
        found = Checkpoint.load(data, CHECKPOINT)
    except BatchError:
        return
    assert Checkpoint.load(found.dump(), CHECKPOINT) == found


_LINES = "".join(json.dumps(each) + "\n" for each in _JOURNAL)


@target(_LINES, _LINES + '["rerun",["0","1.0"]]\n["left",[]]\n["outvoted","0"]\n["made"', words="made handled rerun failed left program")
def journal(data: bytes) -> None:
    fs = MemoryFileSystem()
    fs.make_folder("/batch")
    fs.write(f"/batch/{JOURNAL}", data)
    with contextlib.suppress(BatchError):
        ledger = BatchDir(fs, "/batch").journal(Ledger)
        survey(ledger, _RECORDS, details=True)
