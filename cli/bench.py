"""`mi bench`: speed and accuracy beside other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from cli._output import say
from mi_core import InputError

Suite = Literal["speed", "accuracy", "scaling", "hard"]
Program = Literal[
    "coverage",
    "verdicts",
    "rising",
    "bmi",
    "known",
    "given",
    "tuning",
    "nulls",
    "dependent",
    "permutations",
    "orders",
    "matrices",
    "rankings",
    "around",
    "first-use",
    "large",
    "workers",
    "wide-layers",
    "gpu",
    "kernels",
    "report",
]
WHAT = (
    "Beside other programs: speed, accuracy, scaling (sizes), hard (data that cannot be pruned). On their own: coverage of "
    "error bars; verdicts on tasks that no limit was chosen on, on those of bmi, on MI given z, and on the tuning tasks; "
    "rising (the note on estimates that still rise); known (tasks of known MI that the field uses); "
    "nulls (p-values given z); dependent (groups and series); permutations, orders (several k), matrices, rankings and around "
    "(error bars and verdicts) beside single estimates; first-use (compiling, on a machine that has not yet); large (many "
    "samples); workers (of a cluster); wide-layers (the tables of the documentation); gpu; kernels (registers of the CUDA "
    "kernels); report (tables of the kept rows)."
)
Name = Literal[Suite, Program]
OF_SUITES = ("out", "profile", "peers", "npeet", "activations", "k", "dtype", "threads", "limit")
Profile = Literal["smoke", "quick", "full"]


def bench(
    context: typer.Context,
    name: Annotated[Name, typer.Argument(help=WHAT)],
    profile: Annotated[Profile, typer.Option(help="Seconds, minutes, or about an hour.")] = "quick",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Files go here; those of a suite are SUITE-PROFILE.jsonl, .md, .png, .svg.  [default: bench-results for "
            "suites, benchmarks/results for others]",
        ),
    ] = None,
    peers: Annotated[
        str,
        typer.Option(
            metavar="NAME[,NAME...]",
            help="Only these programs; see the table for names. For known, NAME=PYTHON is a peer and the Python that has it.",
        ),
    ] = "",
    npeet: Annotated[
        str, typer.Option(metavar="FOLDER", help="Folder that holds the package npeet, which no registry has.")
    ] = "",
    activations: Annotated[
        str, typer.Option(metavar="FOLDER", help="Folder with real layers: mlp_w100_first.npy, mlp_w100_last.npy and so on.")
    ] = "",
    data: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="MNIST for known: an mnist.npz or a folder with the IDX files.  [default: mnist in the folder MI_DATA, or "
            "downloaded by Keras]",
        ),
    ] = "",
    k: Annotated[int, typer.Option(min=1, help="Neighbour order.")] = 3,
    dtype: Annotated[Literal["float32", "float64"], typer.Option(help="Precision of the samples.")] = "float32",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for each program.  [default: all]")] = None,
    limit: Annotated[float, typer.Option(min=0.1, help="Seconds that one estimate may take.")] = 60.0,
) -> None:
    """Measure time, memory and accuracy beside other programs, and how far error bars and verdicts may be trusted.

    Each program of a suite runs in a process of its own. Rows are written as they are measured; a program that is not installed
    is named. Belongs to a clone of the repository.

    Example: mi bench speed --profile quick --peers "mi auto,scipy tree by hand"
    """
    try:
        from benchmarks import suites
        from benchmarks.peers import PEERS
        from benchmarks.programs import PROGRAMS
    except ModuleNotFoundError as error:
        if error.name != "benchmarks":
            raise
        raise InputError("mi bench needs a clone of the repository: the installed package has no benchmarks.") from None
    from mi_core.errors import did_you_mean
    from mi_core.threads import available_threads

    threads = threads or available_threads()
    known = PROGRAMS[name].options if name in PROGRAMS else OF_SUITES
    refuse(context, name, [option for option in (*OF_SUITES, "data") if option not in known])
    if name in PROGRAMS:
        given = {"out": out, "profile": profile, "peers": peers, "data": data, "threads": threads, "limit": limit}
        PROGRAMS[name].run(**{option: given[option] for option in known})
        return
    chosen = tuple(peer.strip() for peer in peers.split(",")) if peers else ()
    for peer in chosen:
        if peer not in PEERS:
            raise InputError(f"--peers names {peer!r}: it must be one of {', '.join(PEERS)}{did_you_mean(peer, PEERS)}")
    settings = suites.Settings(
        k=k,
        threads=threads,
        dtype=dtype,
        limit=limit,
        path=str(Path(npeet).resolve()) if npeet else "",
        activations=str(Path(activations).resolve()) if activations else "",
        peers=chosen,
    )
    table = suites.run(cast(Suite, name), profile, settings, out or Path("bench-results"), lambda line: say(line, err=True))
    for line in table.splitlines():
        say(line)


def refuse(context: typer.Context, name: str, options: Sequence[str]) -> None:
    """Refuse options that play no part in a benchmark."""
    for option in options:
        source = context.get_parameter_source(option)
        if source is not None and source.name != "DEFAULT":
            raise InputError(f"mi bench {name} takes no --{option}: leave it out.")
