"""A progress bar on stderr, for people who wait."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import math
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from mi_core import compiling
from mi_core.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.progress import Progress as RichProgress

    from mi_core.types import Progress, ProgressOption

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

PATIENCE_SECONDS = 2.0
COUNTING = "counting neighbours"
PREPARING = "preparing"


class ProgressBar:
    """Callable with (done, in all). Appears after two seconds, on a terminal or in a notebook, and leaves no trace.

    While a kernel is compiled, the description says so. Before the first step and after the last one, when the remaining work
    has no number of steps, the bar pulses.
    """

    def __init__(self, description: str) -> None:
        self.description = description
        self.state: tuple[int, int] | None = None
        self.bar: RichProgress | None = None
        self.silence = contextlib.ExitStack()
        self.timer = threading.Timer(PATIENCE_SECONDS, self.show)
        self.timer.daemon = True

    def __call__(self, done: int, total: int) -> None:
        """Tell how far the work has come."""
        self.state = done, total

    def say(self, line: str, err: bool = False) -> None:
        """Print a line as `cli._output.say` does, above the bar if there is one: past what rich puts over the streams, typer
        would write into it.
        """
        stream = sys.stderr if err else sys.stdout
        stream.write(f"{printable(line)}\n")
        stream.flush()

    def show(self) -> None:
        """Runs once, in the timer's thread."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        update = self.update

        class Current(Progress):
            """A bar that brings itself up to date whenever it is drawn."""

            def get_renderables(self) -> Iterable[RenderableType]:
                update(self)
                return super().get_renderables()

        words, left = TextColumn("{task.description}"), TextColumn("{task.fields[left]}")
        self.bar = Current(
            *(words, BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), left),
            console=Console(stderr=True, soft_wrap=True),
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # lines printed meanwhile go above the bar; in a file, where they belong
            speed_estimate_period=math.inf,  # the usual 30 s may not see two steps
        )
        self.bar.add_task(PREPARING, total=None, left="")
        self.bar.add_task(self.description, visible=False, left="left")
        self.bar.start()

    def update(self, bar: RichProgress) -> None:
        """Show one of two rows: a pulsing bar for work without a number of steps, or the steps done of all steps."""
        if len(bar.task_ids) < 2:  # still being made
            return
        unnumbered, numbered = bar.task_ids
        done, total = self.state or (0, 0)
        words = compiling.words() or (self.description if self.state else PREPARING)
        bar.update(unnumbered, description=words, visible=done == total)
        bar.update(numbered, description=words, visible=done != total, completed=done, total=total)

    def __enter__(self) -> ProgressBar:
        if sys.stderr is not None and (sys.stderr.isatty() or is_notebook()):
            self.silence.enter_context(compiling.no_note())
            self.timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.silence.close()
        self.timer.cancel()
        if self.timer.is_alive():
            self.timer.join()
        if self.bar is not None:
            self.bar.stop()


def is_notebook() -> bool:
    """Whether this process is a notebook's, and has what rich draws with there."""
    return "ipykernel" in sys.modules and importlib.util.find_spec("ipywidgets") is not None


@contextlib.contextmanager
def shown(progress: ProgressOption, description: str = COUNTING) -> Iterator[Progress | None]:
    """What to tell progress to while the block lasts: a bar for True, nothing for None and False, else the function given.

    False also suppresses the note on compiling.

    Raises:
        InputError: It is none of these.
    """
    from mi_core.arguments import check_progress

    check_progress(progress)
    if progress is True:
        with ProgressBar(description) as bar:
            yield bar
    else:
        with compiling.no_note() if progress is False else contextlib.nullcontext():
            yield progress or None


def with_progress(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let the `progress` of a function that takes a callback or None be True or False as well."""

    @functools.wraps(function)
    def told(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        with shown(options.get("progress")) as callback:  # type: ignore[arg-type]  # which `shown` checks
            options["progress"] = callback
            return function(*arguments, **options)

    return told
