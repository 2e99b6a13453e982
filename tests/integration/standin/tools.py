"""Stand-ins for BOINC's create_work, cancel_jobs, xadd and update_versions: as much of them as PyBOINC uses.

They do what the real ones do to the rows, and refuse what those refuse; tests/fullserver compares them with the real ones.
"""

import os
import re
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from pyboinc.ports import Disk, SystemClock
from pyboinc_boinc.hierarchy import folder_of
from pyboinc_boinc.project import load
from pyboinc_boinc.store.connection import Connection, Transaction

MAX_LINE, MAX_WORDS, AT_ONCE = 4095, 99, 1_000_000
CANCELLED, UNSENT, OVER, DIDNT_NEED = 16, 2, 5, 5
NUMBERS = (
    *("batch", "app_version_num", "min_quorum", "target_nresults", "max_error_results", "max_total_results", "max_success_results"),
    *("delay_bound", "priority"),
)
FLOATS = ("rsc_fpops_est", "rsc_fpops_bound", "rsc_memory_bound", "rsc_disk_bound")


class Refused(SystemExit):
    def __init__(self, text):
        print(text, file=sys.stderr)
        super().__init__(1)


def project_here():
    """The project in the current folder, where BOINC's programs expect it, and its database."""
    project = load(Disk(), os.getcwd())
    return project, Connection(project.config.database, SystemClock(), 0.0)


# -- create_work


def create_work():
    project, database = project_here()
    common = {"priority": 0}
    words = iter(sys.argv[1:])
    for word in words:
        name = word.removeprefix("--")
        if name == "stdin":
            continue
        if name not in (*NUMBERS, *FLOATS, "appname", "wu_template", "result_template"):
            raise Refused(f"create_work: bad argument {word!r}")
        value = next(words)
        common[name] = int(value) if name in NUMBERS else float(value) if name in FLOATS else value
    app = database.transaction(Transaction.row, "SELECT id FROM app WHERE name = %s", (common.pop("appname"),))
    if app is None:
        raise Refused("create_work: app not found")
    rows, size = [], 0
    for line in sys.stdin:
        if len(line) > MAX_LINE:
            raise Refused("fgets() buffer was too small")
        row = workunit(project, app[0], dict(common), line.split())
        rows.append(row)
        size += sum(len(str(value)) for value in row.values())
        if size > AT_ONCE:
            insert(database, rows)
            rows, size = [], 0
    insert(database, rows)


def workunit(project, app, values, words):
    files = []
    words = iter(words[:MAX_WORDS])
    for word in words:
        if word == "--wu_name":
            values["name"] = next(words)
        elif word == "--wu_template":
            values["wu_template"] = next(words)
        elif word.startswith("-"):
            raise Refused(f"create_work: bad stdin argument {word!r}")
        else:
            files.append(word)
    template = ET.fromstring(Path(values.pop("wu_template")).read_bytes())
    infos, refs = template.findall("file_info"), template.findall("workunit/file_ref")
    if len(infos) != len(files):
        raise Refused(f"process_input_template: {len(files)} input files given, but template has {len(infos)}")
    values["result_template_file"] = values.pop("result_template")
    if len(values["result_template_file"]) > 63 or not os.path.exists(values["result_template_file"]):
        raise Refused(f"create_work: result template file {values['result_template_file']}")
    for name in ("max_error_results", "max_total_results", "max_success_results", "target_nresults", "rsc_fpops_est", "rsc_fpops_bound"):
        if not values.get(name):
            raise Refused(f"no {name} given; can't create job")
    if values["max_error_results"] > values["max_total_results"] or values["max_success_results"] > values["max_total_results"]:
        raise Refused("max_..._results > max_total_results; can't create job")
    if values["target_nresults"] > values["max_success_results"]:
        raise Refused("target_nresults > max_success_results; can't create job")
    xml = "".join(file_info(project, name, info) for name, info in zip(files, infos, strict=True))
    xml += "<workunit>\n<command_line>\n\n</command_line>\n"
    for name, ref in zip(files, refs, strict=True):
        xml += f"<file_ref>\n    <file_name>{name}</file_name>\n    <open_name>{ref.findtext('open_name')}</open_name>\n</file_ref>\n"
    now = int(time.time())
    zeros = ("need_validate", "canonical_resultid", "canonical_credit", "error_mask", "file_delete_state", "assimilate_state", "hr_class")
    zeros += ("opaque", "rsc_bandwidth_bound", "fileset_id", "app_version_id", "transitioner_flags")
    fixed = {"create_time": now, "transition_time": now, "appid": app, "xml_doc": f"{xml}</workunit>", "keywords": "", "size_class": -1}
    return {**dict.fromkeys(zeros, 0), **fixed, **values}


def file_info(project, name, info):
    config = project.config
    folder = folder_of(config.fanout, name)
    path = Path(config.download_dir, folder, name)
    if not path.exists():
        raise Refused(f"process_input_template: md5_file {path}")
    md5, size = Path(f"{path}.md5").read_text().split()
    own = "".join(f"<{each.tag}>{each.text}</{each.tag}>\n" if each.text else f"<{each.tag}/>\n" for each in info)
    url = f"{config.download_url}/{folder}/{name}"
    text = f"    <name>{name}</name>\n    <url>{url}</url>\n    <md5_cksum>{md5}</md5_cksum>\n    <nbytes>{size}</nbytes>\n"
    return f"<file_info>\n{own}{text}</file_info>\n"


def insert(database, rows):
    """All in one statement: a name that exists fails them all."""
    if not rows:
        return
    columns = list(rows[0])
    places = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(rows))
    values = [row[column] for row in rows for column in columns]
    database.transaction(Transaction.change, f"INSERT INTO workunit ({', '.join(columns)}) VALUES {places}", values)


# -- the others


def cancel_jobs():
    _, database = project_here()
    first, last = map(int, sys.argv[1:])

    def cancel(step):
        sql = "UPDATE result SET server_state = %s, outcome = %s WHERE server_state <= %s AND workunitid BETWEEN %s AND %s"
        step.change(sql, (OVER, DIDNT_NEED, UNSENT, first, last))
        sql = "UPDATE workunit SET error_mask = error_mask | %s, transition_time = %s WHERE id BETWEEN %s AND %s"
        step.change(sql, (CANCELLED, int(time.time()), first, last))

    database.transaction(cancel)


def xadd():
    _, database = project_here()
    for kind in ("platform", "app"):
        for element in ET.fromstring(Path("project.xml").read_bytes()).findall(kind):
            sql = f"INSERT IGNORE INTO {kind} (create_time, name, user_friendly_name) VALUES (%s, %s, %s)"
            values = int(time.time()), element.findtext("name").strip(), element.findtext("user_friendly_name").strip()
            database.transaction(Transaction.change, sql, values)


def update_versions():
    """Without a check of signatures: nobody downloads the files."""
    project, database = project_here()
    for manifest in sorted(Path("apps").glob("*/*/*/version.xml")):
        app, number, platform = manifest.parts[1:4]
        major, _, minor = number.partition(".")
        infos = ""
        for file in ET.fromstring(manifest.read_bytes()).findall("file"):
            name = file.findtext("physical_name").strip()
            target = Path(project.config.download_dir, name)
            target.write_bytes((manifest.parent / name).read_bytes())
            infos += f"<file_info>\n    <name>{name}</name>\n    <file_signature>\nstand-in\n    </file_signature>\n</file_info>\n"
        sql = """
            INSERT IGNORE INTO app_version (create_time, appid, version_num, platformid, xml_doc)
            SELECT %s, a.id, %s, p.id, %s FROM app a, platform p WHERE a.name = %s AND p.name = %s
        """
        database.transaction(Transaction.change, sql, (int(time.time()), 100 * int(major) + int(minor), infos, app, platform))


def sign_executable():
    """Only asked whether it is there."""


def element(xml, name):
    """The text of the first such element."""
    match = re.search(rf"<{name}>\s*(.*?)\s*</{name}>", xml, re.DOTALL)
    return match[1] if match else ""
