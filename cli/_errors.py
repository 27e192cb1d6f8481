"""Exit codes, and the one place where an error of ours becomes a line on stderr."""

from __future__ import annotations

import contextlib
import enum
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from cli._output import say
from mi_core import InputError, MIError

UsageError: Any = typer.BadParameter.__base__  # which typer keeps to itself, in a place that depends on its version


class ExitCode(enum.IntEnum):
    """What the shell gets back. Usage errors found by the command line parser itself are 2 as well."""

    OK = 0
    FAILURE = 1  # the input was fine, running it was not: no memory, no space, backend not available
    USAGE = 2  # wrong option, or input that cannot be used
    INTERRUPTED = 130  # Ctrl-C: 128 + SIGINT, as shells have it
    TERMINATED = 143  # 128 + SIGTERM, with which a cluster's scheduler ends a job


class Terminated(KeyboardInterrupt):
    """SIGTERM has come: whatever cleans up after Ctrl-C cleans up after this too."""


class Commands(TyperGroup):
    """The group of subcommands, and of the options that print and stop, --help and --version."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        with one_line_errors():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        with one_line_errors(), sigterm_as_ctrl_c():
            return super().invoke(ctx)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Errors become a line and an exit code; anything but those below is a bug and keeps its traceback."""
    try:
        yield
    except InputError as error:
        stop(str(error), ExitCode.USAGE)
    except UsageError as error:
        if error.ctx is None or error.message == error.ctx.get_help():  # no command was named: the message is the help
            raise
        words = " ".join(error.format_message().split())
        stop(f"{words} See {error.ctx.command_path} --help.", ExitCode.USAGE)
    except MIError as error:
        stop(str(error), ExitCode.FAILURE)
    except MemoryError as error:
        stop(f"out of memory. {error} Try fewer samples with --subsample, or fewer --threads.", ExitCode.FAILURE)
    except BrokenPipeError:  # the reader of our output, as in `mi ... | head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(int(ExitCode.FAILURE)) from None
    except OSError as error:  # what is wrong with the files named was said before; this came while working
        stop(str(error), ExitCode.FAILURE)
    except KeyboardInterrupt as interrupt:
        stop_for(interrupt, "nothing was written.")


@contextlib.contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """While this lasts, SIGTERM raises Terminated, so that half-written files go and the user is told what is kept."""
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
    """End as Ctrl-C or SIGTERM has asked for, and say what is kept."""
    if isinstance(interrupt, Terminated):
        stop(f"stopped by SIGTERM; {kept}", ExitCode.TERMINATED)
    stop(f"stopped by Ctrl-C; {kept}", ExitCode.INTERRUPTED)


def stop(message: str, code: ExitCode) -> None:
    say(f"mi: {message}", err=True)
    raise typer.Exit(int(code))
