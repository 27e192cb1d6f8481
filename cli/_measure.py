"""The common part of the estimating commands: load the files, call one function, print the results."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli._options import refuse_inputs
from cli._output import print_facts, print_json, print_notes, print_table, say
from mi_core import InputError
from mi_core.progress_bar import COUNTING, ProgressBar
from mi_core.text import in_figure

if TYPE_CHECKING:
    from mi_core.table_files import Cells


def measure(
    estimates: Callable[..., Any],
    symbol: str,
    sources: Mapping[str, str],
    *,
    ks: Sequence[int] | None,
    subsample: int | None,
    seed: int,
    local: Path | None,
    plot: Path | None = None,
    as_json: bool,
    quiet: bool,
    paired: bool = True,
    cells: Cells | None = None,
    doing: str = COUNTING,
    **options: Any,
) -> None:
    """Load the arrays, estimate, and print.

    Args:
        estimates: Function called with the arrays under their names in `sources`, `k` and the options; returns one result or a
            list.
        symbol: The estimated quantity in the usual notation, such as I(X;Y).
        sources: Files, keyed by the names of the arguments that their arrays are passed as.
        ks: Neighbour orders; None for the default.
        subsample: Number of samples to draw; None for all.
        seed: Seed of the draw and of the noise.
        local: File for the local terms.
        plot: File for a picture of the estimate against 1/N and k.
        as_json: Whether to print only JSON.
        quiet: Whether to print only numbers.
        cells: Reading rules for text cells in files; None for the default.
        doing: Label of the progress bar.
        paired: Whether the arrays are paired row by row, so that the same rows are drawn from each.
        options: Further options of `estimates`.
    """
    import numpy as np

    from cli._plots import check_picture, draw_estimates
    from cli._trust import all_notes, print_trust
    from mi_core.files import load_arrays
    from mi_core.table_files import AS_USUAL
    from mi_core.whole_files import whole_file

    if as_json and quiet:
        raise InputError("--json and --quiet exclude each other: choose one.")
    if local is not None and local.suffix != ".npy":
        raise InputError(f"--local is {local}: it is written as .npy, so name it that way.")
    if plot is not None:
        check_picture(plot)
        options["by_size"] = True
    for option, path in (("--local", local), ("--plot", plot)):
        refuse_inputs(option, path, sources.values())
    in_time = bool(options.get("series", "lag" in options))  # gaps are then refused all together, by the estimate
    loaded = load_arrays(
        sources,
        text=may_be_text(options.get("estimator"), sources),
        conditions=() if options.get("estimator") == "discrete" else ("z",),
        missing=in_time or options.get("missing") == "drop",
        cells=cells or AS_USUAL,
    )
    arrays: dict[str, Any] = loaded.arrays
    if subsample is not None and in_time:
        raise InputError("--subsample and --series exclude each other: a series loses its order of time when rows are drawn.")
    if subsample is not None:
        arrays = draw(arrays, subsample, seed, paired)

    with contextlib.ExitStack() as stack:
        local_file = stack.enter_context(whole_file(local)) if local is not None else None
        plot_file = stack.enter_context(whole_file(plot)) if plot is not None else None
        bar = stack.enter_context(ProgressBar(doing))
        found = estimates(
            **arrays,
            k=ks[0] if ks is not None and len(ks) == 1 else ks,
            seed=seed,
            return_local=local is not None,
            progress=bar,
            **options,
        )
        results = with_notes(loaded.notes, found if isinstance(found, list) else [found])
        if local_file is not None:
            if len({len(result.local) for result in results}) > 1:
                raise InputError("--local: which classes are left out depends on k; give one k at a time.")
            values = np.array([result.local for result in results])
            np.save(local_file, values if isinstance(found, list) else values[0], allow_pickle=False)
        if plot is not None and plot_file is not None:
            names = " and ".join(in_figure(Path(source).name) for name, source in sources.items() if name != "groups")
            draw_estimates(results, f"{symbol} of {names}", plot_file, plot.suffix)

    drawn = {"subsample": subsample, "subsample_seed": seed if subsample is not None else None}
    if as_json:
        print_json({**sources, **drawn, **as_record(results)})
    elif quiet:
        for result in results:
            say(repr(float(result)))
        bound = getattr(results[0], "lower_bound", None)
        if bound is not None and options.get("lower_bound", True):  # --diagnose measures one unasked
            say(repr(bound.mi))
    else:
        print_for_people(symbol, sources, results, drawn)
        if any(hasattr(result, "null") for result in results):
            print_trust(results)
        print_notes(all_notes(results))


def may_be_text(estimator: str | None, sources: Iterable[str]) -> set[str]:
    """Names of the arrays that may hold text: conditions, groups and class labels."""
    sides = {"ross": {"y"}, "discrete": set(sources)}
    return {"z", "groups"} | sides.get(estimator or "", set())


def with_notes(notes: Sequence[str], results: list[Any]) -> list[Any]:
    """Results with the given notes put before their own."""
    return [dataclasses.replace(one, notes=(*notes, *one.notes)) for one in results] if notes else results


def draw(arrays: Mapping[str, Any], subsample: int, seed: int, paired: bool) -> dict[str, Any]:
    """`subsample` rows of each array, drawn without replacement, in ascending order; paired arrays keep the same rows."""
    import numpy as np

    (first, n_samples), *others = ((name, len(array) if array.ndim else 0) for name, array in arrays.items())
    for name, other in others:
        if paired and other != n_samples:
            raise InputError(f"{first} has {n_samples} samples and {name} has {other}: they must be paired row by row.")
        n_samples = min(n_samples, other)
    if not 2 <= subsample <= n_samples:
        raise InputError(f"--subsample is {subsample}: it must be between 2 and the number of samples, {n_samples}.")
    rng = np.random.default_rng(seed)
    if paired:
        rows = np.sort(rng.choice(n_samples, subsample, replace=False))
        return {name: array[rows] for name, array in arrays.items()}
    return {name: array[np.sort(rng.choice(len(array), subsample, replace=False))] for name, array in arrays.items()}


def as_record(results: Sequence[Any]) -> dict[str, Any]:
    """The fields of one result, or those of several under "results"."""
    if len(results) == 1:
        record: dict[str, Any] = results[0].to_dict()
        return record
    return {"results": [result.to_dict() for result in results]}


def headline(symbol: str, result: Any) -> str:
    """The estimate, or the lower bound of MI if that is larger."""
    if not getattr(result, "falls_short", False):
        return f"{symbol} = {result}"
    from mi_core.display import how_bound

    return f"{symbol} >= {result.lower_bound} ({how_bound(result.lower_bound)}); {result.estimator} reads {result.mi:.4f}"


def print_for_people(symbol: str, sources: Mapping[str, str], results: Sequence[Any], drawn: Mapping[str, int | None]) -> None:
    from mi_core.display import facts, with_error

    first = results[0]
    lines: dict[str, object] = {**{name.upper(): source for name, source in sources.items()}, **facts(first)}
    if drawn["subsample"] is not None:
        lines["samples"] = f"{lines['samples']}, drawn with seed {drawn['subsample_seed']}"
    if len(results) == 1:
        say(headline(symbol, first))
    else:
        say(f"{symbol} in {first.units}")
        table = [{"k": str(one.k), one.quantity: with_error(float(one), one.stderr)} for one in results]
        del lines["k"]
        if lines.pop("ceiling", None) is not None:
            table = [row | {"ceiling": f"{one.ceiling:.4f}"} for row, one in zip(table, results, strict=True)]
        print_table(table)
    print_facts(lines)
