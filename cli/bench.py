"""`mi bench`: speed and accuracy beside other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli._output import say
from mi_core import InputError

Suite = Literal["speed", "accuracy", "scaling", "hard"]
Profile = Literal["smoke", "quick", "full"]


def bench(
    suite: Annotated[Suite, typer.Argument(help="What to measure.")],
    profile: Annotated[Profile, typer.Option(help="Seconds, minutes, or about an hour.")] = "quick",
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Rows, table and pictures go here as SUITE-PROFILE.jsonl, .md, .png, .svg.")
    ] = Path("bench-results"),
    peers: Annotated[str, typer.Option(metavar="NAME[,NAME...]", help="Only these programs; see the table for names.")] = "",
    npeet: Annotated[
        str, typer.Option(metavar="FOLDER", help="Folder that holds the package npeet, which no registry has.")
    ] = "",
    activations: Annotated[
        str, typer.Option(metavar="FOLDER", help="Folder with real layers: mlp_w100_first.npy, mlp_w100_last.npy and so on.")
    ] = "",
    k: Annotated[int, typer.Option(min=1, help="Neighbour order.")] = 3,
    dtype: Annotated[Literal["float32", "float64"], typer.Option(help="Precision of the samples.")] = "float32",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads for each program.  [default: all]")] = None,
    limit: Annotated[float, typer.Option(min=0.1, help="Seconds that one estimate may take.")] = 60.0,
) -> None:
    """Measure time, memory and accuracy, each program in a process of its own.

    Rows are written as they are measured; a program that is not installed is named. Belongs to a clone of the repository.

    Example: mi bench speed --profile quick --peers "mi auto,scipy tree by hand"
    """
    try:
        from benchmarks import report, rows, suites
        from benchmarks.measure import row
        from benchmarks.peers import PEERS
    except ModuleNotFoundError as error:
        if error.name != "benchmarks":
            raise
        raise InputError("mi bench needs a clone of the repository: the installed package has no benchmarks.") from None
    from mi_core.errors import did_you_mean
    from mi_core.threads import available_threads

    chosen = tuple(name.strip() for name in peers.split(",")) if peers else ()
    for name in chosen:
        if name not in PEERS:
            raise InputError(f"--peers names {name!r}: it must be one of {', '.join(PEERS)}{did_you_mean(name, PEERS)}")
    settings = suites.Settings(
        k=k,
        threads=threads or available_threads(),
        dtype=dtype,
        limit=limit,
        path=str(Path(npeet).resolve()) if npeet else "",
        activations=str(Path(activations).resolve()) if activations else "",
        peers=chosen,
    )
    stem = out / f"{suite}-{profile}"
    lines = stem.with_suffix(".jsonl")
    try:
        out.mkdir(parents=True, exist_ok=True)
        lines.write_text("", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}.") from error

    jobs = list(suites.jobs(suite, profile, settings))
    circumstances = rows.circumstances()
    for number, job in enumerate(jobs, start=1):
        say(f"[{number}/{len(jobs)}] {job.task.name}, {job.peer}: ", err=True, nl=False)
        measured = row(job, circumstances)
        rows.append(lines, measured)
        say(measured.status if measured.seconds is None else f"{measured.seconds:.3g} s", err=True)
    for line in report.write(rows.read(lines), stem).splitlines():
        say(line)
