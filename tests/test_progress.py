"""`progress=True` is a bar on stderr, for every function that takes `progress`; and what is no progress is refused."""

import inspect
import io
import re
import sys

import numpy as np
import pytest

import mi_core
from mi_core import InputError, compiling, progress_bar

X, Y = np.random.default_rng(0).standard_normal((2, 200, 2))
CALLS = {
    "mutual_information": lambda **options: mi_core.mutual_information(X, Y, **options),
    "conditional_mutual_information": lambda **options: mi_core.conditional_mutual_information(X, Y, Y[:, :1], **options),
    "multi_information": lambda **options: mi_core.multi_information([X, Y], **options),
    "entropy": lambda **options: mi_core.entropy(X, **options),
    "kl_divergence": lambda **options: mi_core.kl_divergence(X, Y, **options),
    "neighbour_counts": lambda **options: mi_core.neighbour_counts(X, Y, **options),
    "mutual_information_matrix": lambda **options: mi_core.mutual_information_matrix({"x": X, "y": Y}, **options),
    "rank": lambda **options: mi_core.rank({"x": X[:, 0], "y": Y[:, 0]}, "y", **options),
    "lagged": lambda **options: mi_core.lagged(X, Y, lags=[0, 1], **options),
    "transfer_entropy": lambda **options: mi_core.transfer_entropy(X, Y, **options),
}
WITHOUT = {"scores"}  # scikit-learn gives it no options
each_function = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class EagerBar(progress_bar.ProgressBar):
    """Shown before the first step, where usually the first two seconds decide."""

    def __enter__(self):
        super().__enter__()
        if self.timer.is_alive() or self.bar is not None:
            self.timer.join()
        return self


@pytest.fixture
def eager(monkeypatch):
    monkeypatch.setattr(progress_bar, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(progress_bar, "ProgressBar", EagerBar)


def test_every_function_that_takes_progress_is_tried():
    functions = {name: value for name in mi_core.__all__ if inspect.isfunction(value := getattr(mi_core, name))}
    assert set(functions) == set(CALLS) | WITHOUT


@each_function
@pytest.mark.usefixtures("eager")
def test_true_shows_a_bar_on_a_terminal(call, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    call(progress=True)
    assert "counting neighbours" in terminal.getvalue()
    assert capsys.readouterr().out == ""


@each_function
@pytest.mark.parametrize("progress", [True, False, None])
@pytest.mark.usefixtures("eager")
def test_where_nobody_looks_nothing_is_printed(call, progress, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO() if progress else Terminal())
    call(progress=progress)
    assert stream.getvalue() == ""


@each_function
def test_a_function_is_called_until_all_is_done(call):
    told = []
    call(progress=lambda *state: told.append(state))
    assert told[-1][0] == told[-1][1]


@each_function
@pytest.mark.parametrize("progress", ["yes", 1, 0, []])
def test_what_is_no_progress_is_refused(call, progress):
    with pytest.raises(InputError, match=r"^progress is .*: give True for a bar on stderr, a function of") as caught:
        call(progress=progress)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("modules", "found", "shown"), [({"ipykernel"}, True, True), ({"ipykernel"}, False, False), ((), True, False)]
)
def test_notebooks_show_a_bar_where_widgets_are_installed(modules, found, shown, monkeypatch):
    monkeypatch.setattr(sys, "modules", {**sys.modules, **dict.fromkeys(modules)})
    monkeypatch.setattr(progress_bar.importlib.util, "find_spec", lambda name: object() if found else None)
    assert progress_bar.is_notebook() == shown


@pytest.mark.usefixtures("eager")
def test_a_bar_says_what_is_compiled_and_never_stands_at_its_end(monkeypatch, caplog):
    monkeypatch.setattr(compiling, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(compiling, "_is_noted", False)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())

    def drawn():
        terminal.truncate(0)
        bar.bar.refresh()
        return terminal.getvalue()

    with progress_bar.shown(True) as bar:
        with compiling.one_kernel():
            assert f"compiling kernel {compiling.begun()}, once on this machine" in drawn()
            bar(1, 4)
            assert "compiling kernel" in drawn()
        assert re.search(r"counting neighbours.* 25%", drawn())
        bar(4, 4)
        assert "counting neighbours" in drawn()
        assert "%" not in drawn()
    assert caplog.messages == []


@pytest.mark.usefixtures("eager")
def test_an_error_takes_the_bar_away(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(InputError), progress_bar.shown(True) as bar:
        raise InputError("wrong")
    assert bar.bar is not None
    assert bar.bar.finished or not bar.bar.live.is_started
