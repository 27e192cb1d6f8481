"""`mi estimate`: two files in, the mutual information between them out."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli._output import print_facts, print_json, print_notes, print_table
from cli._progress import ProgressBar
from mi_core import InputError
from mi_core._options import Backend, Estimator, Standardize, Units

if TYPE_CHECKING:
    from mi_core import MIResult


def estimate(
    x: Annotated[str, typer.Argument(metavar="X", help="Samples of one side: .npy, .npz:KEY, .csv, .tsv or .safetensors:KEY.")],
    y: Annotated[str, typer.Argument(metavar="Y", help="Samples of the other side, paired with X row by row.")],
    k: Annotated[
        str, typer.Option("--k", metavar="K[,K...]", help="Neighbour order; several cost one pass, one row each.")
    ] = "3",
    units: Annotated[Units, typer.Option(help="Unit of the estimate.")] = "bits",
    estimator: Annotated[Estimator, typer.Option(help="ksg1: Kraskov et al. 2004, eq. (8).")] = "ksg1",
    standardize: Annotated[
        Standardize, typer.Option(help="Divide each side by its spread, or each column by its standard deviation.")
    ] = "none",
    noise: Annotated[
        float, typer.Option(metavar="SCALE", help="Add Gaussian noise of SCALE times the side's spread, against ties.")
    ] = 0.0,
    subsample: Annotated[
        int | None, typer.Option(metavar="N", help="Use N samples drawn without replacement, in their order in the file.")
    ] = None,
    error_bar: Annotated[bool, typer.Option(help="Whether to estimate the standard error, from parts of the samples.")] = True,
    permutations: Annotated[
        int | None, typer.Option(metavar="TIMES", help="Shuffle the pairing this often, for a p-value: 200 is a good number.")
    ] = None,
    diagnose: Annotated[bool, typer.Option("--diagnose", help="Say whether to trust the number, and why.")] = False,
    pca: Annotated[
        int | None, typer.Option(metavar="DIMS", min=1, help="Estimate that of DIMS principal components of each side, too.")
    ] = None,
    random_projections: Annotated[
        int | None, typer.Option(metavar="DIMS", min=1, help="The same with DIMS random projections.")
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the estimate against 1/N, and against several k, here as .png or .svg."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is random.")] = 0,
    backend: Annotated[Backend, typer.Option(help="How neighbours are counted; all ways give the same bits.")] = "auto",
    threads: Annotated[int | None, typer.Option(help="Most threads to use.  [default: all]")] = None,
    local: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the pointwise values here as .npy: (samples,), or (ks, samples) for several k."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the estimate alone, without notes.")] = False,
) -> None:
    """Estimate the mutual information between two sets of samples.

    X and Y hold one sample per row; arrays of higher rank are flattened per sample.
    The estimate goes to stdout, notes on how to read it to stderr.

    Example: mi estimate first_layer.npy last_layer.npy --k 3,10
    """
    import numpy as np

    from cli._files import is_same_file, load_array, split_key, whole_file
    from cli._plots import check_picture, draw_estimates
    from cli._trust import print_trust
    from mi_core import mutual_information

    ks = parse_ks(k)
    if as_json and quiet:
        raise InputError("--json and --quiet exclude each other: choose one.")
    if local is not None and local.suffix != ".npy":
        raise InputError(f"--local is {local}: it is written as .npy, so name it that way.")
    if pca is not None and random_projections is not None:
        raise InputError("--pca and --random-projections exclude each other: choose one.")
    if plot is not None:
        check_picture(plot)
    for option, path in (("--local", local), ("--plot", plot)):
        for source in (x, y):
            if path is not None and is_same_file(path, split_key(source)[0]):
                raise InputError(f"{option} is {path}, which is an input: name another file.")
    arrays = {"x": load_array(x), "y": load_array(y)}
    if subsample is not None:
        arrays = draw(arrays, subsample, seed)

    with contextlib.ExitStack() as stack:
        local_file = stack.enter_context(whole_file(local)) if local is not None else None
        plot_file = stack.enter_context(whole_file(plot)) if plot is not None else None
        bar = stack.enter_context(ProgressBar("counting neighbours"))
        results = mutual_information(
            **arrays,
            k=ks,
            units=units,
            estimator=estimator,
            standardize=standardize,
            noise=noise,
            seed=seed,
            backend=backend,
            threads=threads,
            return_local=local is not None,
            error_bar=error_bar,
            permutations=permutations,
            by_size=plot is not None,
            diagnose=diagnose,
            reduce=f"pca:{pca}" if pca else f"random:{random_projections}" if random_projections else None,
            progress=bar,
        )
        if local_file is not None:
            values = np.array([result.local_mi for result in results])
            np.save(local_file, values[0] if len(ks) == 1 else values, allow_pickle=False)

        if plot is not None and plot_file is not None:
            draw_estimates(results, f"I(X;Y) of {Path(x).name} and {Path(y).name}", plot_file, plot.suffix)

    drawn = {"subsample": subsample, "subsample_seed": seed if subsample is not None else None}
    if as_json:
        print_json({"x": x, "y": y, **drawn, **as_record(results)})
    elif quiet:
        for result in results:
            typer.echo(repr(result.mi))
    else:
        print_for_people(x, y, results, drawn)
        print_trust(results)
        print_notes(note for result in results for note in result.notes)


def parse_ks(text: str) -> list[int]:
    """Neighbour orders from text like 3 or 3,5,10."""
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise InputError(f"--k is {text!r}: give whole numbers, for example 3 or 3,5,10.") from None


def draw(arrays: dict[str, Any], subsample: int, seed: int) -> dict[str, Any]:
    """The same `subsample` rows of each array, drawn without replacement, in ascending order."""
    import numpy as np

    n_x, n_y = (len(array) if array.ndim else 0 for array in arrays.values())
    if n_x != n_y:
        raise InputError(f"x has {n_x} samples and y has {n_y}: they must be paired row by row.")
    if not 2 <= subsample <= n_x:
        raise InputError(f"--subsample is {subsample}: it must be between 2 and the number of samples, {n_x}.")
    rows = np.sort(np.random.default_rng(seed).choice(n_x, subsample, replace=False))
    return {name: array[rows] for name, array in arrays.items()}


def as_record(results: list[MIResult]) -> dict[str, Any]:
    """The fields of one result, or those of several under "results"."""
    if len(results) == 1:
        return results[0].to_dict()
    return {"results": [result.to_dict() for result in results]}


def print_for_people(x: str, y: str, results: list[MIResult], drawn: dict[str, int | None]) -> None:
    first = results[0]
    if len(results) == 1:
        typer.echo(f"I(X;Y) = {first.mi:.4f}{error_of(first)} {first.units}")
        orders = {"k": first.k, "ceiling": f"{first.ceiling:.4f} {first.units}"}
    else:
        typer.echo(f"I(X;Y) in {first.units}")
        print_table(
            [{"k": str(one.k), "mi": f"{one.mi:.4f}{error_of(one)}", "ceiling": f"{one.ceiling:.4f}"} for one in results]
        )
        orders = {}
    facts: dict[str, object] = {
        "X": x,
        "Y": y,
        "samples": f"{first.n_samples:,}",
        "dimensions": f"{first.dim_x} + {first.dim_y}",
    }
    if drawn["subsample"] is not None:
        facts["samples"] = f"{first.n_samples:,}, drawn with seed {drawn['subsample_seed']}"
    facts |= orders
    facts["estimator"] = first.estimator
    if first.standardize != "none":
        facts["standardized"] = first.standardize
    if first.noise > 0:
        facts["noise"] = f"{first.noise:g} of each side's spread, seed {first.seed}"
    facts["backend"] = f"{first.backend}, {first.threads} thread{'s' if first.threads > 1 else ''}"
    facts["time"] = f"{first.seconds:.2f} s"
    print_facts(facts)


def error_of(result: MIResult) -> str:
    return "" if result.stderr is None else f" +- {result.stderr:.4f}"
