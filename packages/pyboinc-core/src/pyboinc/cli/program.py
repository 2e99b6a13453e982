"""``pyboinc run``: the program's script, as ``python`` would run it, without PyBOINC's own arguments; ``pyboinc bundle``."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType

import click

from .. import settings
from ..errors import PyBoincError
from ..model import SettingsError, nearest
from . import voice

SHOWN_FILES = 20


class _RunCommand(click.Command):
    """PyBOINC's arguments may stand before and after the script; all others after it are the program's, --help too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        typed = args.index("--") if "--" in args else len(args)
        own, rest = settings.split_arguments(args[:typed])
        rest += args[typed:] if rest else args[typed + 1 :]
        if rest and rest[0] in ctx.help_option_names:
            click.echo(ctx.get_help())
            ctx.exit()
        if not rest:
            raise SettingsError("name the script of the master:  pyboinc run app_master.py")
        if rest[0].startswith("-"):
            known = [name for parameter in self.get_params(ctx) for name in parameter.opts if name.startswith("-")]
            raise SettingsError(f"pyboinc run has no option {rest[0]}{nearest(rest[0], known)}. The program's own come after its script")
        ctx.params = {"script": rest[0], "arguments": rest[1:], "own": settings.to_arguments(own)}
        return []


@click.command(
    cls=_RunCommand,
    params=[
        click.Argument(["app_master.py"]),
        click.Argument(["arguments"], nargs=-1),
        *(click.Option(each.names, is_flag=not each.metavar, metavar=each.metavar or None, help=each.help) for each in settings.OWN),
    ],
)
def run(script: str, arguments: list[str], own: list[str]) -> None:
    """Run a program.

    As python APP_MASTER.PY would, without PyBOINC's options in its arguments; they may also come after the script, among
    the program's own ARGUMENTS. The same command goes on with a batch that was stopped.

    Exit status: the program's; 1 if calls failed; 2 if it is refused or the batch was cancelled; 130 after ^C.
    """
    check_script(script)
    settings.taken = own
    execute(script, arguments)


def check_script(script: str) -> None:
    """Raises PyBoincError, with what may have been meant, if there is no such file."""
    if not os.path.isfile(script):
        raise PyBoincError(_not_there(script))


@click.command()
@click.argument("slave", metavar="APP_SLAVE.PY")
@click.option("-o", "--output", metavar="FILE", help="Where to write it [the slave's name with .zip].")
@click.option("--requires", multiple=True, metavar="TEXT", help="What volunteers have beside Python, e.g. numpy.")
def bundle(slave: str, output: str | None, requires: tuple[str, ...]) -> None:
    """Write the program of a slave as volunteers get it: a zip file with the modules that it imports.

    The master does so by itself. This is for looking at it, and for signing it elsewhere.

    Exit status: 0 if it is written; 2 if it can't be bundled.
    """
    from .. import bundle as bundling

    folder, name = os.path.split(os.path.abspath(slave))
    program = bundling.build(name, folder, requires)
    output = output or f"{os.path.splitext(name)[0]}.zip"
    try:
        with open(output, "wb") as file:
            file.write(program.data)
    except OSError as error:
        raise PyBoincError(f"{output}: {error.strerror}") from None
    click.echo(f"{output}: {len(program.data):,} bytes, {name} with {', '.join(program.modules) or 'no other module'}")


def execute(script: str, arguments: Sequence[str]) -> None:
    """Run the script as ``__main__``, which it stays. Ends the process if it raises, with its own frames in the traceback."""
    path = os.path.abspath(script)
    folder = os.path.dirname(path)
    sys.argv = [script, *arguments]
    if getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, folder)
    else:
        sys.path[0] = folder
    module = ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    try:
        with io.open_code(path) as file:
            source = file.read()
        exec(compile(source, path, "exec", dont_inherit=True), vars(module))
    except SystemExit:
        raise
    except BaseException as error:
        if error.__traceback__ is not None:
            error.__traceback__ = error.__traceback__.tb_next  # without this function
        sys.excepthook(type(error), error, error.__traceback__)
        raise SystemExit(voice.INTERRUPTED if isinstance(error, KeyboardInterrupt) else voice.FAILED) from None


def _not_there(script: str) -> str:
    """
    >>> _not_there("/nowhere/app_master.py")
    'there is no folder /nowhere'
    """
    folder, name = os.path.split(script)
    if not os.path.isdir(folder or "."):
        return f"there is no folder {folder}"
    inside = script if os.path.isdir(script) else folder or "."
    scripts = sorted(each for each in os.listdir(inside) if each.endswith(".py"))[:SHOWN_FILES]
    if os.path.isdir(script):
        return f"{script} is a folder: name the script of the master{nearest('app_master.py', scripts, 'there are')}"
    return f"there is no file {script}{nearest(name, scripts, 'there are')}"
