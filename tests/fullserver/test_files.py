"""Data files to volunteers, and files that slaves wrote back from them."""

SLAVE = """
from pyboinc import data_file, get_input, output_file, return_output
value = get_input()
with open(data_file("table.txt")) as file: table = file.read()
with open(data_file("more"), "rb") as file: size = len(file.read())
with open(output_file("words.txt"), "w") as file: file.write(f"{table} {value}")
with open(output_file("noise"), "wb") as file: file.write(bytes(range(250)) * 80000)
return_output((value, size))
"""
MASTER = """
from pyboinc import call, master, output_file
found = {}
def make_calls():
    for i in range(4): call("app_slave.py", i, data_files={"more": f"{i % 2}.bin"})
def handle_result(output):
    value, size = output
    with open(output_file("words.txt")) as words, open(output_file("noise"), "rb") as noise:
        found[value] = size, words.read(), len(noise.read())
master(make_calls, handle_result, data_files=["table.txt"])
print([found[i] for i in range(4)])
"""
ANSWER = [(1000 + i % 2, f"a table {i}", 20_000_000) for i in range(4)]


def staged(server):
    return {path.name for path in server.folder.glob("download/*/data_*") if path.suffix != ".md5"}


def test_data_files_and_files_of_slaves(server, volunteers, example):
    """Each data file goes to a volunteer once, whatever the number of jobs and batches; the server keeps it as long as a batch needs it."""
    folders = [example("sum_of_squares", name, app_slave=SLAVE, app_master=MASTER) for name in ("one", "two")]
    for folder in folders:
        (folder / "table.txt").write_text("a table")
        for i in range(2):
            (folder / f"{i}.bin").write_bytes(bytes(1000 + i))
    before = staged(server)
    for folder in folders:
        assert server.run(folder, "--quorum", "2") == f"{ANSWER}\n"
    data_files = staged(server) - before
    assert len(data_files) == 3
    for volunteer in volunteers:
        for name in data_files:
            assert volunteer.log().count(f"Started download of {name}") == 1
            assert (next(volunteer.folder.glob("projects/*")) / name).exists(), "kept for further batches"
    server.pyboinc("retire", folders[0])
    assert staged(server) >= data_files
    server.pyboinc("retire", folders[1])
    assert staged(server) == before
