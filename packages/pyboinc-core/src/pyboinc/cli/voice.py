"""One voice: how the commands answer, refuse and fail. docs/cli.md lists the exit statuses and the keys of --json."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import click

from .. import display
from ..errors import PyBoincError
from ..model import nearest

FAILED, REFUSED, INTERRUPTED = 1, 2, 130
WIDE = 1000  # columns, where there is no terminal: nothing is cut or wrapped

F = TypeVar("F", bound=Callable[..., Any])


class Group(click.Group):
    """A group of commands whose errors are those of a run: ``pyboinc: error: ...`` on stderr, exit status 2."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise PyBoincError(f"no command is called {args[0]!r}{nearest(args[0], self.list_commands(ctx), 'there are')}")
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]  # click's is overloaded by standalone_mode
        self, args: Sequence[str] | None = None, prog_name: str | None = None, *, standalone_mode: bool = True, **more: Any
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **more)
        try:
            status = super().main(args, prog_name, standalone_mode=False, **more)
        except PyBoincError as error:
            refuse(str(error))
        except click.ClickException as error:
            refuse(_in_our_words(error))
        except click.Abort:
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:  # `pyboinc errors | head`
            sys.stderr.close()
            raise SystemExit(FAILED) from None
        raise SystemExit(status if isinstance(status, int) else 0)


def refuse(text: str) -> NoReturn:
    display.say(f"error: {display.printable(text)}")
    raise SystemExit(REFUSED)


def _in_our_words(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    command = f"{ctx.command_path}: " if ctx else ""
    if isinstance(error, click.NoSuchOption) and ctx:
        known = [name for parameter in ctx.command.get_params(ctx) for name in parameter.opts if name.startswith("-")]
        return f"{command}there is no option {error.option_name}{nearest(error.option_name, known)}"
    text = error.format_message().rstrip(".")
    return command + text[:1].lower() + text[1:]


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def folder_argument(command: F) -> F:
    return click.argument("folder", metavar="[DIR]", default=".")(command)


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """What a program prints is not the command's answer."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def answer_json(answer: Mapping[str, Any]) -> None:
    click.echo(json.dumps(answer, indent=2))


def line(text: str) -> str:
    """A stranger's text as one line."""
    return display.printable(text).replace("\n", " ⏎ ").replace("\t", " ")


def table(header: list[str], rows: list[list[str]]) -> None:
    """Print rows under a header; numbers to the right. Plain where there is no terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    for column, title in enumerate(header):
        numbers = bool(rows) and all(row[column].replace(",", "").isdigit() for row in rows)
        made.add_column(title, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    console = Console() if sys.stdout.isatty() else Console(width=WIDE, no_color=True)
    with console.capture() as text:
        console.print(made)
    for each in text.get().splitlines():
        click.echo(each.rstrip())


def heading(text: str) -> None:
    click.echo(click.style(text, bold=True))


def number(value: int) -> str:
    return f"{value:,}"


def calls(count: int) -> str:
    """
    >>> calls(1), calls(1200)
    ('1 call', '1,200 calls')
    """
    return f"{number(count)} call{'' if count == 1 else 's'}"
