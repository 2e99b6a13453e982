"""What a client leaves in a slot, read: init_data.xml, soft links, shared memory."""

import mmap as memory

import pytest

from pyboinc_boinc.slave import init_data, mmap, slot, softlink

PLAIN = "<app_init_data>\n<client_pid>42</client_pid>\n<wu_cpu_time>1.5</wu_cpu_time>\n</app_init_data>\n"


def values(text):
    read = init_data.InitData(text)
    return read.client_pid, read.wu_cpu_time, read.fraction_done_start, read.fraction_done_end


@pytest.mark.parametrize(
    "text, expected",
    [
        (PLAIN, (42, 1.5, 0, 1)),
        (PLAIN.replace("<cl", "<project_preferences><client_pid>1</client_pid> & < </project_preferences><cl", 1), (42, 1.5, 0, 1)),
        (PLAIN.replace("<client_pid>", "<user_name>&#1;&nosuch; <b></user_name><gpu/><client_pid>"), (42, 1.5, 0, 1)),
        (PLAIN.replace("<client_pid>", "<!-- x --><fraction_done_end>.5</fraction_done_end><client_pid>"), (42, 1.5, 0, 0.5)),
        (PLAIN.replace("42", "-1").replace("1.5", "nan"), (0, 0, 0, 1)),
        (PLAIN.replace("42", "1e999").replace("1.5", "soon"), (0, 0, 0, 1)),
        (PLAIN[:45], (42, 0, 0, 1)),
        ("<app_init_data>", (0, 0, 0, 1)),
        ("<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]>" + PLAIN.replace("42", "&b;"), (0, 1.5, 0, 1)),
    ],
)
def test_init_data(text, expected):
    assert values(text) == expected


@pytest.mark.parametrize("text", ["", "<html></html>", "\0" * 100])
def test_init_data_of_something_else(tmp_path, text):
    (tmp_path / "init_data.xml").write_text(text)
    with pytest.raises(slot.SlotFault, match=r"init_data.xml can't be read: there is no <app_init_data>"):
        slot.Slot(str(tmp_path)).init_data()


def test_init_data_keeps_no_secret():
    read = init_data.InitData(PLAIN.replace("<client_pid>", "<authenticator>5ec4e7</authenticator><client_pid>"))
    assert "5ec4e7" not in repr([getattr(read, name) for name in read.__slots__])


def test_soft_links(tmp_path):
    here = tmp_path / "slots" / "0"
    there = tmp_path / "projects" / "www.example.org"
    here.mkdir(parents=True)
    there.mkdir(parents=True)
    (here / "copied").write_bytes(b"PK\3\4")
    (here / "linked").write_text("<soft_link>../../projects/www.example.org/a_1</soft_link>\n")
    (here / "symbolic").symlink_to("../../projects/www.example.org/b_2")
    assert softlink.resolve("copied", str(here)) == str(here / "copied")
    assert softlink.resolve("linked", str(here)) == str(there / "a_1")
    assert softlink.resolve("symbolic", str(here)) == str(there / "b_2")
    assert softlink.resolve("not_yet", str(here)) == str(here / "not_yet")


def test_data_files_are_found_by_what_their_links_lead_to(tmp_path):
    here, there = tmp_path / "slots" / "0", tmp_path / "projects" / "www.example.org"
    here.mkdir(parents=True)
    there.mkdir(parents=True)
    for name in ("data_c0ffee", "data_beef"):
        (there / name).write_text(name)
    (here / "data_0").write_text("<soft_link>../../projects/www.example.org/data_c0ffee</soft_link>\n")
    (here / "data_1").symlink_to("../../projects/www.example.org/data_beef")
    found = slot.Slot(str(here))
    assert [found.data_file(name) for name in ("data_beef", "data_c0ffee")] == [str(there / "data_beef"), str(there / "data_c0ffee")]
    with pytest.raises(OSError, match="data_0 is not among the 2 in the slot"):
        found.data_file("data_0")


def test_channels():
    shared = memory.mmap(-1, 8192)
    channels = mmap.Channels(shared)
    assert channels.receive(mmap.HEARTBEAT) == ""
    assert channels.send(mmap.APP_STATUS, "one")
    assert shared[5 * 1024 : 5 * 1024 + 5] == b"\1one\0"
    assert not channels.send(mmap.APP_STATUS, "two")
    assert channels.send(mmap.APP_STATUS, "three", overwrite=True)
    assert channels.receive(mmap.APP_STATUS) == "three"
    assert shared[5 * 1024] == 0
    assert channels.send(mmap.APP_STATUS, "x" * 5000)
    assert shared[6 * 1024] == 0  # the next channel is as it was
    assert channels.receive(mmap.APP_STATUS) == "x" * 1022
    shared[1024 * mmap.HEARTBEAT : 1024 * mmap.HEARTBEAT + 1024] = b"\xff" * 1024  # whatever another program left there
    assert len(channels.receive(mmap.HEARTBEAT)) == 1023


@pytest.mark.parametrize("size", [None, 0, 100])
def test_no_channels(tmp_path, size):
    if size is not None:
        (tmp_path / "boinc_mmap_file").write_bytes(bytes(size))
    with pytest.raises(slot.SlotFault, match=r"boinc_mmap_file can't be used .*<api_version>"):
        slot.Slot(str(tmp_path)).channels(init_data.InitData(PLAIN))
