"""The deterministic runtime: CPython compiled to WebAssembly, in which a slave computes the same bits on every computer.

It is one file, a component that exports ``wasi:cli/run``, so that the command line of wasmtime and the library run the same one.

*The agreement of host and component.* The host lets it see one folder, as ``/``, and nothing else: no environment, the one
argument ``slave``, no network. The files in the folder:

    program            the program's zip                               from the host
    input              the job's input file                            from the host
    data_0, data_1 ... the job's data files, sorted by their names on  from the host
                       the project (`Attachment.file_name`)
    trust.txt          whose programs may run, if not everybody's      from the host
    checkpoint_period  seconds between checkpoints, 60 without it      from the host
    output, report     the two output files; no report if there is     to the host; output comes last
                       nothing to tell
    fraction_done      what part is done, whenever a percent more is   to the host, while it runs
    checkpoint         what a restart goes on from                     to the host, while it runs; and back after a restart
    temporary_exit     two lines, seconds and a reason: start it again, with its checkpoint, after that time
    exit_status        of a client error, whose text is on stderr
    slave/             the slave's current folder

A job may make links, also ones that lead out, which the component can't follow: before the host reads or writes a file it removes them.
Files to the host are written under another name and renamed. Exit status 0: ``output`` or ``temporary_exit`` is there; any
other, or a trap: a client error. Options of the command line: ``run --allow-precompiled -W nan-canonicalization=y,...``, see
`pyboinc.wasm.runtime.RUN_OPTIONS`.
"""
