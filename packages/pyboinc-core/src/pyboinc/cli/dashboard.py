"""``pyboinc dashboard``: a page for a batch, in a browser."""

from __future__ import annotations

import webbrowser

import click

from ..errors import PyBoincError
from . import voice
from .folder import open_folder


@click.command()
@voice.folder_argument
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where to listen; others than loopback are a risk.")
@click.option("--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="A free one if not given.")
@click.option("--open", "opened", is_flag=True, help="Open it in a browser.")
def dashboard(folder: str, host: str, port: int, opened: bool) -> None:
    """Show the batch in DIR in a browser.

    A page with its progress, the time left, results, and errors by traceback; it can cancel and retire the batch. The link that
    is printed holds a token: only who has it sees the page. Connections are not encrypted: from afar, use an SSH tunnel.
    DIR is the folder of the master, or what --batch named; the current one if it is left out. ^C ends it.
    """
    there = open_folder(folder)
    try:
        from ..dashboard.source import Source
        from ..dashboard.web import Dashboard, server
    except ImportError as error:
        if error.name != "bottle":
            raise
        raise PyBoincError("the dashboard needs the package bottle:  pip install 'pyboinc-core[dashboard]'") from None
    made = Dashboard(Source(there.path), host)
    try:
        serving = server(made, host, port)
    except OSError as error:
        raise PyBoincError(f"--host {host} --port {port}: {error.strerror or error}") from None
    link = f"http://{f'[{host}]' if ':' in host else host}:{serving.server_port}/?token={made.token}"
    click.echo(link)
    if opened:
        webbrowser.open(link)
    try:
        serving.serve_forever()
    except KeyboardInterrupt:
        raise SystemExit(voice.INTERRUPTED) from None
    finally:
        serving.server_close()
