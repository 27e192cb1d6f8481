"""Exit codes, and the one place where an error of ours becomes a line on stderr."""

from __future__ import annotations

import enum
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from mi_core import InputError, MIError


class ExitCode(enum.IntEnum):
    """What the shell gets back. Usage errors found by the command line parser itself are 2 as well."""

    OK = 0
    FAILURE = 1  # the input was fine, running it was not: no memory, no space, backend not available
    USAGE = 2  # wrong option, or input that cannot be used
    INTERRUPTED = 130  # Ctrl-C: 128 + SIGINT, as shells have it


class Commands(TyperGroup):
    """The group of subcommands; anything but the errors below is a bug and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            stop(str(error), ExitCode.USAGE)
        except MIError as error:
            stop(str(error), ExitCode.FAILURE)
        except MemoryError as error:
            stop(f"out of memory. {error} Try fewer samples with --subsample, or fewer --threads.", ExitCode.FAILURE)
        except BrokenPipeError:  # the reader of our output, as in `mi ... | head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(int(ExitCode.FAILURE)) from None
        except OSError as error:  # what is wrong with the files named was said before; this came while working
            stop(str(error), ExitCode.FAILURE)
        except KeyboardInterrupt:
            stop("stopped by Ctrl-C; nothing was written.", ExitCode.INTERRUPTED)


def stop(message: str, code: ExitCode) -> None:
    typer.echo(f"mi: {message}", err=True)
    raise typer.Exit(int(code))
