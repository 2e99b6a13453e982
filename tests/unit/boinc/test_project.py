"""Editing config.xml and project.xml: only what is wanted changes, and all of it or nothing."""

import os
import re
import stat
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from xml.dom import minidom

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyboinc.errors import PyBoincError
from pyboinc.testing import Crash
from pyboinc_boinc import transaction
from pyboinc_boinc.project import (
    AddApp,
    AddDaemon,
    AddFiles,
    App,
    ChangeDaemon,
    Config,
    Daemon,
    ProjectError,
    RemoveFile,
    SetMode,
    SetSetting,
    applied,
    diff,
    load,
    steps,
)
from pyboinc_boinc.transaction import ProjectDisk, TransactionError, commit, is_unfinished, recover
from pyboinc_boinc.xmledit import XmlError, parse

# ---- the editor, by example


def edited(text, name="a", new="60"):
    document = parse("f", text.encode())
    [element] = document.root.all(name)
    return document.set_text(element, new).data.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<r><a>5</a></r>", "<r><a>60</a></r>"),
        ("<r><a></a></r>", "<r><a>60</a></r>"),
        ("<r><a>  </a></r>", "<r><a>60</a></r>"),
        ("<r><a/></r>", "<r><a>60</a></r>"),
        ("<r><a b='>' /></r>", "<r><a b='>'>60</a></r>"),
        ('<r><a b="/>"\n>5</a ></r>', '<r><a b="/>"\n>60</a ></r>'),
        ("<r><a>\n  5\n</a></r>", "<r><a>\n  60\n</a></r>"),
        ("<r><a>5 <!-- s <b> --></a></r>", "<r><a>60 <!-- s <b> --></a></r>"),
        ("<r><a><!-- s --></a></r>", "<r><a>60<!-- s --></a></r>"),
        ("<r><a><![CDATA[<5>]]></a></r>", "<r><a>60</a></r>"),
        ("<r><a>5<!-- s -->7</a></r>", "<r><a>60<!-- s --></a></r>"),
        ("<r><a>&lt;&#x41;</a></r>", "<r><a>60</a></r>"),
        ("\ufeff<?xml version='1.0'?><!-- <a>1</a> --><r>\r\n<a>5</a>\r\n</r>\r\n",) * 2,
    ],
)
def test_a_value_is_replaced_where_it_stands(before, after):
    if before == after:
        after = before.replace("<a>5", "<a>60")
    assert edited(before) == after


def test_what_a_value_says_is_escaped_and_read_again():
    text = edited("<r><a>5</a></r>", new='p<&>"ä\'')
    assert text == "<r><a>p&lt;&amp;&gt;\"ä'</a></r>"
    assert parse("f", text.encode()).root.children[0].text == 'p<&>"ä\''


def test_the_file_keeps_its_encoding():
    before = "<?xml version='1.0' encoding='iso-8859-1'?><r><a>ä</a><b>é</b></r>".encode("iso-8859-1")
    document = parse("f", before)
    assert document.root.children[0].text == "ä"
    assert document.set_text(document.root.children[0], "ö€").data == before.replace(b"\xe4", b"\xf6&#8364;")


@pytest.mark.parametrize("text", ["two\nlines", "tab\tbed", " blank", "blank ", "\x00", "\x85", "\ud800"])
def test_values_that_would_not_come_back_are_refused(text):
    with pytest.raises(XmlError, match="can't be a value"):
        edited("<r><a>5</a></r>", new=text)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"<boinc>\n<config>\n</boinc>", "config.xml, line 3, column 3: mismatched tag"),
        (b"<boinc>\n&nbsp;</boinc>", "config.xml, line 2, column 1: undefined entity"),
        (b"", "config.xml, line 1, column 1: no element found"),
        (b"<a>\xff</a>", "line 1, column 4: not well-formed"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>\n<a>&b;</a>", "line 1: has a document type"),
        ("<a/>".encode("utf-16"), "not in UTF-8"),
        (b"<?xml version='1.0' encoding='klingon'?><a/>", "config.xml: unknown encoding"),
        (b"<?xml version='1.0' encoding='shift_jis'?><a/>", "config.xml: "),
    ],
)
def test_what_is_not_xml_is_refused_with_its_line(data, says):
    with pytest.raises(XmlError, match=says):
        parse("config.xml", data)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<r>\n  <a/>\n</r>", "<r>\n  <a/>\n  <n>1</n>\n</r>"),
        ("<r>\n\t<a/> <!-- about a -->\n\t<!-- end -->\n\n</r>", "<r>\n\t<a/> <!-- about a -->\n\t<!-- end -->\n\t<n>1</n>\n\n</r>"),
        ("<r>\r\n  <a/>\r\n</r>", "<r>\r\n  <a/>\r\n  <n>1</n>\r\n</r>"),
        ("<r><a/></r>", "<r><a/><n>1</n></r>"),
        ("<r/>", "<r>\n    <n>1</n>\n</r>"),
        ("<r b='c'></r>", "<r b='c'>\n    <n>1</n>\n</r>"),
        ("<r>\n  <a/></r>", "<r>\n  <a/>\n  <n>1</n>\n</r>"),
    ],
)
def test_an_element_is_added_as_its_siblings_are(before, after):
    document = parse("f", before.encode())
    assert document.add(document.root, ("n", "1")).data.decode() == after


def test_an_element_with_children_is_added():
    document = parse("f", b"<boinc>\n  <daemons/>\n</boinc>\n")
    new = document.add(document.root.children[0], ("daemon", [("cmd", "x > y"), ("output", "z")]))
    assert new.data.decode() == (
        "<boinc>\n  <daemons>\n    <daemon>\n      <cmd>x &gt; y</cmd>\n      <output>z</output>\n    </daemon>\n  </daemons>\n</boinc>\n"
    )


# ---- the editor, by rule

names = st.sampled_from(["a", "b", "config", "next_rpc_delay", "x-y.z"])
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=8).filter(
    lambda text: not {"\ufffe", "\uffff"} & set(text)
)
safe = words.map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
comment = words.map(lambda text: f"<!--{text.replace('-', '')}-->")
cdata = words.map(lambda text: f"<![CDATA[{text.replace(']', '')}]]>")
blank = st.sampled_from(["", " ", "\n", "\n    ", "\r\n\t"])
leaf_content = st.lists(st.one_of(safe, comment, cdata, blank, st.just("<?pi a?>"), st.just("&#65;")), max_size=4).map("".join)
attributes = st.sampled_from(["", " k='>'", ' k="/>"', "  "])


def whole(name, attribute, inside):
    return f"<{name}{attribute}/>" if inside is None else f"<{name}{attribute}>{inside}</{name} >"


leaves = st.builds(whole, names, attributes, st.none() | leaf_content)
elements = st.recursive(
    leaves,
    lambda inner: st.builds(whole, names, attributes, st.lists(inner | comment | blank | safe, min_size=1, max_size=4).map("".join)),
    max_leaves=6,
)
heads = st.sampled_from(["", '<?xml version="1.0" ?>\n', "<!-- a -->", "<?pi?>\n"])
documents = st.tuples(heads, elements, blank).map("".join)
values = words.map(str.strip)


def flat(element):
    return [element, *(each for child in element.children for each in flat(child))]


def tree(data, without=None, text=None):
    """As another parser reads it, comments included; the text of element number `without` left out."""
    found = []
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    root = ElementTree.fromstring(data, parser)
    for number, each in enumerate(each for each in root.iter() if isinstance(each.tag, str)):
        found.append((each.tag, each.attrib, None if number == without else each.text, each.tail))
    return found, [each.text for each in root.iter() if not isinstance(each.tag, str)]


@settings(max_examples=300, deadline=None)
@given(documents, st.randoms(use_true_random=False), values)
def test_only_the_wanted_element_changes(text, random, value):
    data = text.encode()
    document = parse("f", data)
    everyone = flat(document.root)
    number = random.choice([number for number, each in enumerate(everyone) if not each.children])
    element = everyone[number]
    new = document.set_text(element, value)
    grown = len(new.data) - len(data)
    after = flat(new.root)
    assert after[number].text.strip() == value
    assert new.data[: element.start] == data[: element.start]
    assert new.data[element.end + grown :] == data[element.end :], "byte for byte"
    assert [(each.name, each.start) for each in after[: number + 1]] == [(each.name, each.start) for each in everyone[: number + 1]]
    assert [each.text for n, each in enumerate(after) if n != number] == [each.text for n, each in enumerate(everyone) if n != number]
    before_tree, after_tree = tree(data, number), tree(new.data, number)
    assert after_tree[1] == before_tree[1], "comments"
    if b"<!--" not in data[element.start : element.end]:
        assert after_tree[0] == before_tree[0]
    assert new.set_text(after[number], value).data == new.data


@settings(max_examples=300, deadline=None)
@given(documents, st.randoms(use_true_random=False), values)
def test_adding_takes_nothing_away(text, random, value):
    data = text.encode()
    document = parse("f", data)
    everyone = flat(document.root)
    number = random.randrange(len(everyone))
    new = document.add(everyone[number], ("added", [("one", value), ("two", "2")]))
    parent = flat(new.root)[number]
    assert [child.name for child in parent.children] == [*(child.name for child in everyone[number].children), "added"]
    assert [child.text for child in parent.children[-1].children] == [value, "2"]
    added = parent.children[-1]
    if everyone[number].inner != everyone[number].end:
        rest = new.data[: added.start] + new.data[added.end :]
        assert re.sub(rb"\s", b"", rest) == re.sub(rb"\s", b"", data), "white space apart"


# ---- config.xml and project.xml


def test_what_make_project_writes_is_read(project):
    config = project().config
    assert config.database.password == "s3cret<>" and "s3cret" not in repr(config.database)
    assert (config.database.host, config.database.port) == ("127.0.0.1", 3307)
    assert (config.database.name, config.database.user) == ("cubes", "boincadm")
    assert (config.shmem_key, config.fanout, config.host) == (0x1111C0DE, 1024, "server")
    assert config.download_dir == "/home/boincadm/projects/cubes/download" and config.upload_dir.endswith("/upload")
    assert config.master_url.endswith("/cubes/") and config.download_url.endswith("/download") and config.key_dir.endswith("/keys/")
    assert config.upload_url.endswith("file_upload_handler")
    assert (config.min_sendwork_interval, config.daily_result_quota, config.next_rpc_delay, config.maintenance_delay) == (6, 500, 0, 3600)
    assert not config.one_result_per_user_per_wu and not config.resend_lost_results
    assert [daemon.cmd for daemon in config.daemons] == ["feeder -d 3", "transitioner -d 3", "file_deleter -d 3"]
    assert [(task.program, task.period, task.output_name, task.disabled) for task in config.tasks] == [
        ("antique_file_deleter", "24 hours", "antique_file_deleter.out", False),
        ("notify.php", "1 hour", "notify.out", True),
    ]
    assert project().xml.platforms == ["windows_x86_64", "x86_64-pc-linux-gnu"] and project().xml.apps == []


@pytest.mark.parametrize(("host", "expected"), [("", ("localhost", 3306)), ("db", ("db", 3306)), ("db:33", ("db", 33))])
def test_the_databases_host(project, host, expected):
    database = project(db_host=host).config.database
    assert (database.host, database.port) == expected


def test_a_wrong_port_is_refused(project):
    with pytest.raises(ProjectError, match="its form is host:port"):
        _ = project(db_host="db:x").config.database


def test_numbers_and_flags_are_read_as_boinc_reads_them(project):
    config = project(next_rpc_delay="soon", maintenance_delay=" 60 ", resend_lost_results="yes").config
    assert (config.next_rpc_delay, config.maintenance_delay, config.resend_lost_results) == (0, 60, False)
    assert config.garbled("next_rpc_delay") and not config.garbled("maintenance_delay") and not config.garbled("not_there")
    text = "<boinc><config><a/><b>1</b><c>0</c><d></d><e>7</e><e>8</e></config></boinc>"
    config = Config(parse("config.xml", text.encode()))
    assert [config.flag(name) for name in "abcdx"] == [True, True, False, False, False]
    assert config.number("e") == 8 and config.repeated("e") == ["7", "8"], "the last one counts"


@pytest.mark.parametrize("text", ["<boinc/>", "<config/>", "<boinc><daemons/><config/></boinc>", "<boinc><config/></boinc>x"])
def test_other_files_are_no_config(memory, text):
    with pytest.raises(PyBoincError, match=r"config\.xml"):
        load(memory(text), "/home/boincadm/projects/cubes")


def test_a_folder_that_is_no_project(tmp_path, memory, texts):
    with pytest.raises(ProjectError, match=r"is not a BOINC project: no config\.xml is there"):
        load(ProjectDisk(), str(tmp_path))
    with pytest.raises(ProjectError, match="xadd expects <boinc>"):
        load(memory(xml="<apps/>"), texts.folder)


def test_names_of_a_daemons_files():
    """As sched/start gives them."""
    plain = Daemon("sample_bitwise_validator -d 3 --app cubes")
    stem = "sample_bitwise_validator"
    assert (plain.output_name, plain.pid_name, plain.lock_name) == (f"{stem}.log", f"{stem}.pid", f"{stem}.lock")
    own = Daemon("/opt/v --app=cubes", output="v.out", pid_file="v.pid")
    assert (own.app, own.output_name, own.pid_name, own.lock_name) == ("cubes", "v.out", "v.pid", "v.out.lock")
    assert Daemon("x", output="/dev/null").lock_name == "x.lock" and Daemon("x", lock_file="y").lock_name == "y"


CHANGES = [
    SetSetting("next_rpc_delay", None, "60"),
    SetSetting("one_result_per_user_per_wu", "0", "1"),
    AddDaemon(Daemon("/opt/x --app cubes", output="x.log", pid_file="x.pid")),
    ChangeDaemon(0, Daemon("feeder -d 3"), {"cmd": "feeder -d 4", "output": "f.log"}),
    AddApp(App("cubes", "Cubes <3")),
]
MORE = [
    SetMode("config.xml", 0o644, 0o600),
    RemoveFile("pid_server/feeder.pid", b"4711\n"),
    AddFiles("apps/cubes/1.00/x86", (("a.sh", b"#!/bin/sh\n", 0o755), ("b.zip", b"PK", 0o644))),
]


def test_changes_say_what_they_do():
    assert [str(change) for change in [*CHANGES, *MORE]] == [
        "config.xml: <next_rpc_delay> 60, new",
        "config.xml: <one_result_per_user_per_wu> 1, was 0",
        "config.xml: new daemon /opt/x --app cubes (log x.log, pid x.pid)",
        "config.xml: daemon feeder -d 3: <cmd> feeder -d 4, <output> f.log",
        "project.xml: new app cubes, 'Cubes <3'",
        "config.xml: mode 0600, was 0644",
        "pid_server/feeder.pid: removed",
        "apps/cubes/1.00/x86: new, with a.sh, b.zip",
    ]


def test_changes_of_a_made_project(project):
    """The lines that they add and take away, and no other."""
    before = project()
    after = applied(before, CHANGES)
    for each in (after.config.document, after.xml.document):
        minidom.parseString(each.data)
    assert after.xml.apps == [App("cubes", "Cubes <3")]
    lines = diff(before, after).splitlines()
    assert [line for line in lines if line.startswith(("+", "-"))] == [
        "--- config.xml (now)",
        "+++ config.xml (then)",
        "-        <one_result_per_user_per_wu>0</one_result_per_user_per_wu>",
        "+        <one_result_per_user_per_wu>1</one_result_per_user_per_wu>",
        "+        <next_rpc_delay>60</next_rpc_delay>",
        "-            <cmd>feeder -d 3 </cmd>",
        "+            <cmd>feeder -d 4 </cmd>",
        "+            <output>f.log</output>",
        "+        <daemon>",
        "+            <cmd>/opt/x --app cubes</cmd>",
        "+            <output>x.log</output>",
        "+            <pid_file>x.pid</pid_file>",
        "+        </daemon>",
        "--- project.xml (now)",
        "+++ project.xml (then)",
        "+    <app>",
        "+        <name>cubes</name>",
        "+        <user_friendly_name>Cubes &lt;3</user_friendly_name>",
        "+    </app>",
    ]


def test_a_diff_shows_no_password(project):
    before = project()
    text = diff(before, applied(before, [SetSetting("db_name", "cubes", "squares"), *MORE]))
    assert "s3cret" not in text and "         <db_passwd>...</db_passwd>" in text
    assert "mode 0600 config.xml\nremove pid_server/feeder.pid\ncreate apps/cubes/1.00/x86/a.sh, 10 bytes\n" in text


def test_a_project_without_project_xml(project):
    with pytest.raises(ProjectError, match=r"has no project\.xml"):
        applied(replace(project(), xml=None), CHANGES)


# ---- the transaction


def content(fs):
    """What counts as the project: no backups, no files of the transaction's own."""
    paths = [path for path in fs.disk.files if ".backup-" not in path and "pyboinc" not in path]
    return {path: (fs.read(path), fs.mode(path)) for path in paths}


def everything(fs, folder):
    before = load(fs, folder)
    return steps(before, applied(before, [*CHANGES, *MORE]))


def test_a_commit_changes_all_and_leaves_backups(memory, texts):
    fs = memory()
    before = content(fs)
    path = f"{texts.folder}/config.xml"
    backups = commit(fs, texts.folder, everything(fs, texts.folder))
    assert backups == [f"{path}.backup-1", f"{texts.folder}/project.xml.backup-1"]
    assert fs.read(backups[0]) == before[path][0] and fs.mode(backups[0]) == 0o600
    assert b"next_rpc_delay" in fs.read(path) and fs.mode(path) == 0o600
    assert not fs.exists(f"{texts.folder}/pid_server/feeder.pid")
    assert not is_unfinished(fs, texts.folder)
    again = steps(load(fs, texts.folder), applied(load(fs, texts.folder), [SetSetting("next_rpc_delay", "60", "90")]))
    assert commit(fs, texts.folder, again) == [f"{path}.backup-2"]
    assert commit(fs, texts.folder, []) == []


@pytest.mark.parametrize("what_is_left", ["after_kill", "after_power_cut"])
def test_a_crash_at_any_point_leaves_the_project_as_it_was(memory, texts, what_is_left):
    whole = memory()
    before = content(whole)
    commit(whole, texts.folder, everything(whole, texts.folder))
    after = content(whole)
    assert before != after
    undone = 0
    for point in range(whole.steps):
        fs = memory(crash_at=point)
        with pytest.raises(Crash):
            commit(fs, texts.folder, everything(fs, texts.folder))
        left = getattr(fs, what_is_left)()
        undone += recover(left, texts.folder)
        assert content(left) in (before, after), point
        assert not is_unfinished(left, texts.folder)
        if content(left) == before:
            commit(left, texts.folder, everything(left, texts.folder))
            assert content(left) == after
    assert undone > 10


def test_a_crash_while_a_crash_is_undone(memory, texts):
    whole = memory()
    before = content(whole)
    commit(whole, texts.folder, everything(whole, texts.folder))
    after, first_steps = content(whole), whole.steps
    for first in range(first_steps // 2, first_steps, 3):
        for second in range(0, 40, 3):
            fs = memory(crash_at=first)
            with pytest.raises(Crash):
                commit(fs, texts.folder, everything(fs, texts.folder))
            half = fs.after_kill(crash_at=second)
            try:
                recover(half, texts.folder)
            except Crash:
                half = half.after_power_cut()
                recover(half, texts.folder)
            assert content(half) in (before, after), (first, second)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_at_any_write_leaves_the_project_as_it_was(memory, texts, error):
    def attempt(fail_at):
        fs = memory()
        before, planned = content(fs), everything(fs, texts.folder)
        names = set(fs.listdir(texts.folder))
        calls = 0
        real = {name: getattr(fs, name) for name in ("write", "rename", "set_mode", "remove")}

        def failing(name):
            def call(*arguments):
                nonlocal calls
                calls += 1
                if calls == fail_at:
                    raise error
                return real[name](*arguments)

            return call

        for name in real:
            setattr(fs, name, failing(name))
        try:
            commit(fs, texts.folder, planned)
        except (TransactionError, KeyboardInterrupt) as raised:
            assert isinstance(raised, KeyboardInterrupt) or "nothing was changed: " in str(raised)
            assert content(fs) == before, fail_at
            if isinstance(raised, TransactionError):
                assert {name for name in set(fs.listdir(texts.folder)) - names if not name.startswith(".pyboinc")} == set()
            return True
        return False

    failed = 1
    while attempt(failed):
        failed += 1
    assert failed >= 20


def test_what_was_changed_meanwhile_is_not_overwritten(memory, texts):
    fs = memory()
    planned = everything(fs, texts.folder)
    fs.write(f"{texts.folder}/config.xml", texts.config(next_rpc_delay="5").encode())
    with pytest.raises(TransactionError, match="somebody else has just changed"):
        commit(fs, texts.folder, planned)
    fs = memory()
    planned = everything(fs, texts.folder)
    fs.write(f"{texts.folder}/pid_server/feeder.pid", b"4712\n")
    with pytest.raises(TransactionError, match=r"feeder\.pid"):
        commit(fs, texts.folder, planned)


def test_one_at_a_time_and_only_the_owner(memory, texts):
    fs = memory()
    planned = everything(fs, texts.folder)
    lock = fs.lock(f"{texts.folder}/pyboinc_lock")
    with pytest.raises(TransactionError, match="another pyboinc is changing"):
        commit(fs, texts.folder, planned)
    lock.release()
    fs.strangers = {texts.folder}
    with pytest.raises(TransactionError, match="run this command as its owner"):
        commit(fs, texts.folder, planned)
    fs.strangers = {f"{texts.folder}/config.xml"}
    with pytest.raises(TransactionError, match="chown it first"):
        commit(fs, texts.folder, planned)


def test_a_strangers_undo_file_is_not_believed(memory, texts):
    """The web server may make files in a folder that is open to its group."""
    fs = memory()
    path = f"{texts.folder}/pyboinc_undo"
    fs.write(path, b'{"format": 1, "steps": [["mode", "/home/boincadm/projects/cubes/config.xml", 438]]}')
    fs.strangers = {path}
    with pytest.raises(TransactionError, match="not to be trusted"):
        recover(fs, texts.folder)
    fs.strangers = set()
    for data, says in ((b"{", "could not be undone"), (b'{"format": 2, "steps": []}', "has format 2, of another version")):
        fs.write(path, data)
        with pytest.raises(TransactionError, match=says):
            recover(fs, texts.folder)


def test_on_a_real_disk_permissions_stay(folder, monkeypatch):
    os.chmod(folder / "config.xml", 0o640)
    seen = []
    real = transaction.ProjectDisk.write

    def write(self, path, data):
        real(self, path, data)
        seen.append((stat.S_IMODE(os.stat(path).st_mode), b"s3cret" in data))

    monkeypatch.setattr(transaction.ProjectDisk, "write", write)
    disk = ProjectDisk()
    before = load(disk, str(folder))
    [backup] = commit(disk, str(folder), steps(before, applied(before, CHANGES[:1])))
    assert stat.S_IMODE(os.stat(folder / "config.xml").st_mode) == 0o640
    assert stat.S_IMODE(os.stat(backup).st_mode) == 0o600
    assert all(mode & 0o007 == 0 for mode, secret in seen if secret), "never, not even for a moment"
    assert any(secret for _, secret in seen)
    assert load(disk, str(folder)).config.next_rpc_delay == 60


def test_a_link_stays_a_link(folder):
    (folder / "etc").mkdir()
    (folder / "config.xml").rename(folder / "etc" / "cubes.xml")
    (folder / "config.xml").symlink_to("etc/cubes.xml")
    before = load(ProjectDisk(), str(folder))
    commit(ProjectDisk(), str(folder), steps(before, applied(before, CHANGES[:1])))
    assert (folder / "config.xml").is_symlink() and "next_rpc_delay" in (folder / "etc" / "cubes.xml").read_text()
