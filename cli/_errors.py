"""Exit codes, and the one place where an error of this project becomes one line on stderr."""

from __future__ import annotations

import contextlib
import enum
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from cli._output import say
from mi_core import InputError, MIError
from mi_core.errors import did_you_mean

UsageError: Any = typer.BadParameter.__base__  # which typer keeps to itself, in a place that depends on its version


class ExitCode(enum.IntEnum):
    """Exit codes of `mi`. Usage errors that the command-line parser finds are 2 as well."""

    OK = 0
    FAILURE = 1  # the input was fine, running it was not: no memory, no space, backend not available
    USAGE = 2  # wrong option, or input that cannot be used
    INTERRUPTED = 130  # Ctrl-C: 128 + SIGINT, as shells have it
    TERMINATED = 143  # 128 + SIGTERM, with which a cluster's scheduler ends a job


class Terminated(KeyboardInterrupt):
    """SIGTERM as an exception: whatever cleans up after Ctrl-C cleans up after it too."""


class Commands(TyperGroup):
    """The group of subcommands, which turns errors into one line and an exit code."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        check_streams()
        with one_line_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with one_line_errors(), sigterm_as_ctrl_c():
            return super().invoke(ctx)


class OnceEach(TyperCommand):
    """A subcommand that refuses an option given twice, or with its opposite; the parser alone would silently take the last."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for parameter in given:
            takes_one = not getattr(parameter, "is_flag", True) and not parameter.multiple
            if takes_one and given.count(parameter) > 1:
                ctx.fail(f"{parameter.opts[0]} is given {given.count(parameter)} times: give it once.")
            both = [name for names in (parameter.opts, parameter.secondary_opts) for name in names if name in args]
            if given.count(parameter) > 1 and len(both) > 1 and parameter.secondary_opts:
                ctx.fail(f"{' and '.join(both)} exclude each other: give one of them.")
        return super().parse_args(ctx, args)


def check_streams() -> None:
    """Stop before any work if stdout is closed. A closed stderr only loses its messages.

    Closed descriptors are opened on the null device. Otherwise the next file would get their number, and what a library prints.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open for as long as the process lives
    if sys.stdout is None:
        stop("standard output is closed: leave it open, or send it to a file or to /dev/null.", ExitCode.FAILURE)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn known errors into one line and an exit code. Any other exception is a bug and keeps its traceback."""
    try:
        yield
    except InputError as error:
        stop(str(error), ExitCode.USAGE)
    except UsageError as error:
        if error.ctx is None or error.message == error.ctx.get_help():  # no command was named: the message is the help
            raise
        error.message = with_suggestion(error.message)
        words = " ".join(error.format_message().split())
        words += "" if words.endswith((".", "?", "!")) else "."
        stop(f"{words} See {error.ctx.command_path} --help.", ExitCode.USAGE)
    except MIError as error:
        stop(str(error), ExitCode.FAILURE)
    except MemoryError as error:
        stop(f"out of memory. {error} Try fewer samples with --subsample, or fewer --threads.", ExitCode.FAILURE)
    except OSError as error:  # what is wrong with the files named was said before; this came while working
        stop_for_system(error)
    except KeyboardInterrupt as interrupt:
        stop_for(interrupt, "nothing was written.")


def with_suggestion(message: str) -> str:
    """The parser's message on an invalid choice, with the likeliest valid choice as a suggestion."""
    if (wrong := re.fullmatch(r"(?:Value error, )?('(.*?)' is not one of ('.*'))\.", message)) is None:
        return message
    return wrong[1] + did_you_mean(wrong[2], re.findall(r"'([^']*)'", wrong[3]))


@contextlib.contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """Context in which SIGTERM raises Terminated, so that half-written files are removed and the user learns what is kept."""
    if threading.current_thread() is not threading.main_thread():  # only there does Python take signals
        yield
        return

    def terminate(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def stop_for(interrupt: KeyboardInterrupt, kept: str) -> None:
    """Exit after Ctrl-C or SIGTERM, and say what is kept."""
    if isinstance(interrupt, Terminated):
        stop(f"stopped by SIGTERM; {kept}", ExitCode.TERMINATED)
    stop(f"stopped by Ctrl-C; {kept}", ExitCode.INTERRUPTED)


def stop_for_system(error: OSError, kept: str = "") -> None:
    """Exit after an operating-system error; silently if the reader of stdout has closed it, as in `mi ... | head`."""
    where = "standard output" if stdout_is_lost() else error.filename
    if isinstance(error, BrokenPipeError):
        raise typer.Exit(int(ExitCode.FAILURE)) from None
    what = str(error) if error.strerror is None else f"{error.strerror}."
    stop("".join((f"{where}: " if where else "", what, kept and f" {kept}")), ExitCode.FAILURE)


def stdout_is_lost() -> bool:
    """Whether stdout can no longer be written. If so, drop what is buffered: Python would try to flush it again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def stop(message: str, code: ExitCode) -> None:
    say(f"mi: {message}", err=True)
    raise typer.Exit(int(code))
