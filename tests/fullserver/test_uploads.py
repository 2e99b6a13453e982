"""A volunteer who uploads what his client would not, with the client's own permission."""

import re
import urllib.request
from hashlib import md5

SLAVE = """
import os, time
from pyboinc import get_input, return_output
while not os.path.exists(get_input()): time.sleep(0.1)
return_output(1)
"""
MASTER = """
from pyboinc import call, master
master(lambda: call("app_slave.py", {go!r}), print)
"""
REQUEST = """<data_server_request>
<core_client_major_version>7</core_client_major_version>
<core_client_minor_version>20</core_client_minor_version>
<core_client_release>5</core_client_release>
<file_upload>
<file_info>
{info}</file_info>
<nbytes>{size}</nbytes>
<md5_cksum>{md5}</md5_cksum>
<offset>0</offset>
<data>
"""


def permission(volunteer, task):
    """The name of the task's output, and what the client would show the upload handler: signed, if the project signs."""
    state = (volunteer.folder / "client_state.xml").read_text()
    found = re.search(rf"<name>({task}_r\d+_0)</name>.*?</file(_info)?>", state, re.DOTALL)
    signed = [re.search(rf"<{tag}>\s*(.*?)</{tag}>", found[0], re.DOTALL) for tag in ("signed_xml", "xml_signature")]
    if all(signed):
        return found[1], f"{signed[0][1]}<xml_signature>\n{signed[1][1]}</xml_signature>\n"
    return found[1], f"<name>{found[1]}</name>\n<generated_locally/>\n<upload_when_present/>\n<max_nbytes>1e8</max_nbytes>\n"


def upload(address, info, data):
    head = REQUEST.format(info=info, size=len(data), md5=md5(data).hexdigest())
    with urllib.request.urlopen(urllib.request.Request(address, head.encode() + data), timeout=60) as answer:
        return answer.read().decode()


def test_an_output_that_came_whole_is_not_written_again(server, volunteers, example, tmp_path):
    """Or what was found valid would not be what is delivered."""
    folder = example("sum_of_squares", "forged", app_slave=SLAVE, app_master=MASTER.format(go=str(tmp_path / "go")))
    with server.running(folder) as master:
        batch = server.begun(folder)
        volunteer, task = server.at_work(volunteers, batch, 0.0)
        server.until(lambda: task in (volunteer.folder / "client_state.xml").read_text())
        name, info = permission(volunteer, task)
        for data in (b"the first", b"something", b"else, and more of it"):
            assert "<status>0</status>" in upload(server.config.upload_url, info, data)
            [path] = server.folder.glob(f"upload/**/{name}")
            assert path.read_bytes() == b"the first"
        server.pyboinc("cancel", folder)
        server.finished(master, 2)
