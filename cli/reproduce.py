"""`mi reproduce`: the paper's experiments trained, measured, drawn and judged."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli._errors import ExitCode, stop, stop_for
from cli._output import print_table, say
from mi_core import InputError
from mi_core.progress_bar import ProgressBar
from trainer import keras_loader
from trainer.reproduction.experiments import (
    FIGURES,
    ProfileName,
    expected_seconds,
    figures_asked_for,
    load_experiment,
    load_profile,
    runs_of,
)

if TYPE_CHECKING:
    from trainer.config import Settings
    from trainer.reproduction.experiments import Experiment
    from trainer.reproduction.judging import Verdict
    from trainer.sweep import Outcome

NEEDED = ("distributed", "polars", "matplotlib")


def reproduce(
    experiments: Annotated[list[str], typer.Argument(metavar="EXPERIMENT", help=f"{', '.join(FIGURES)}, or all.")],
    profile: Annotated[
        ProfileName,
        typer.Option(help="Number of networks and length of training: minutes (smoke), an evening (cpu) or days (paper)."),
    ] = "cpu",
    data: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="Data set, as in mi train.  [default: digits for smoke, otherwise mnist]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder for runs and results.  [default: reproductions/PROFILE]")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes on this machine.  [default: one per CPU; with --gpu one per GPU]"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="tcp://HOST:PORT",
            help="Use the workers of this Dask scheduler instead, tcp:// or tls://. Whoever runs the scheduler can run code "
            "here: name one that you trust.",
        ),
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="Give each run a GPU: a worker that has the Dask resource GPU.")] = False,
    collect: Annotated[
        bool, typer.Option("--collect", help="Train nothing; write the results of all measurements so far.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs that are left and how long they take, roughly, and exit.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the folder of the results.")] = False,
) -> None:
    """Train the networks of the paper's figures, measure them, draw the figures and judge the paper's claims.

    The paper is Hodas & Stinis 2018, doi:10.3389/fpsyg.2018.01185. The same command resumes an interrupted sweep: finished
    runs, in the folder's runs or in its results.parquet, are not trained again, and interrupted ones continue.

    Example: mi reproduce fig4a --profile smoke
    """
    if workers is not None and scheduler is not None:
        raise InputError("--workers are of this machine, and --scheduler has workers of its own: leave one of them out.")
    figures = [load_experiment(name, profile) for name in figures_asked_for(experiments)]
    if data is not None and Path(data).expanduser().exists():
        data = str(Path(data).expanduser().resolve())  # workers have other working folders
    runs = runs_of(figures, load_profile(profile), data)
    folder = out or Path("reproductions") / profile
    if dry_run:
        print_plan(runs, finished_in(folder, runs), workers)
        return
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"mi reproduce needs {', '.join(missing)}: python -m pip install 'ksg-mi[reproduce]'")
    from trainer.reproduction import results

    results.manifests(folder / "runs")  # what is damaged there is said now rather than after hours of training
    earlier = results.read(folder) if (folder / results.PARQUET).exists() else None
    done = set()
    if earlier is not None and not collect:
        from trainer.data import load_data

        checksums = {source: load_data(source).checksum for source in {settings.data for settings in runs.values()}}
        done = results.finished(earlier, runs, checksums)
    wanted = {} if collect else {name: settings for name, settings in runs.items() if name not in done}
    keras_loader.choose_backend()
    failed = train_all(wanted, folder / "runs", workers, scheduler, gpu, quiet) if wanted else 0
    if wanted and failed == len(wanted):
        stop(f"all {failed} runs failed. The same command tries them again.", ExitCode.FAILURE)
    show_results(folder, figures, quiet)
    if failed:
        stop(
            f"{failed} of {len(wanted)} runs failed, and are not in the results. The same command tries them again.",
            ExitCode.FAILURE,
        )


def show_results(folder: Path, figures: list[Experiment], quiet: bool) -> None:
    """Write the table, verdicts and figures of all measurements, and print the verdicts."""
    from trainer.reproduction import figures as drawing
    from trainer.reproduction import findings, judging, results, verdict_files

    manifests = results.manifests(folder / "runs")
    if (folder / results.PARQUET).exists():
        table = results.together(results.collected(folder / "runs"), results.read(folder))
    else:
        table = results.collect(folder / "runs")
    written = [*results.write(table, folder), results.write_settings(manifests, folder)]
    verdicts = judging.judge(table)
    written += verdict_files.write(verdicts, folder)
    for experiment in figures:
        if drawing.rows_of(table, experiment).is_empty():  # of a sweep that was stopped before it
            continue
        drawing.draw_all(table, experiment, folder / "figures")
    findings.draw_findings(table, folder / "figures")
    if not quiet:
        print_verdicts(verdicts)
    say(str(folder) if quiet else f"results {folder}: {', '.join(path.name for path in written)}, figures")


def train_all(
    runs: dict[str, Settings], folder: Path, workers: int | None, scheduler: str | None, gpu: bool, quiet: bool
) -> int:
    """Train the runs that are not finished, report each as it ends, and return the number of failures."""
    from trainer.sweep import sweep

    total, done, ended, failed = sum(map(expected_seconds, runs.values())), 0.0, 0, 0
    with ProgressBar("training") as bar:

        def report(name: str, outcome: Outcome) -> None:
            nonlocal done, ended, failed
            done, ended, failed = done + expected_seconds(runs[name]), ended + 1, failed + (outcome.problem is not None)
            if outcome.problem is not None:
                bar.say(f"{ended}/{len(runs)}  {name} failed: {outcome.problem}", err=True)
            elif not quiet:
                bar.say(f"{ended}/{len(runs)}  {name}  {f'{outcome.seconds:.0f} s' if outcome.seconds else 'was finished'}")
            bar(int(done), int(total))

        try:
            sweep(runs, folder, workers=workers, scheduler=scheduler, gpu=gpu, report=report)
        except KeyboardInterrupt as interrupt:
            stop_for(interrupt, f"{ended} of {len(runs)} runs are finished. The same command continues.")
    return failed


def finished_in(folder: Path, runs: dict[str, Settings]) -> set[str]:
    """Names of the runs of which the table in a folder has the last epoch; whether it fits them is looked at later."""
    from trainer.reproduction import results

    if not (folder / results.PARQUET).exists():
        return set()
    last = results.read(folder).group_by("run").max().select("run", "epoch").iter_rows()
    return {name for name, epoch in last if name in runs and epoch == runs[name].epochs}


def print_plan(runs: dict[str, Settings], done: set[str], workers: int | None) -> None:
    """Print the runs that are left and how long they take, roughly."""
    left = {name: settings for name, settings in runs.items() if name not in done}
    if done:
        say(f"{len(done)} of {len(runs)} runs are finished.")
    if not left:
        return
    print_table(
        [{"run": name, "epochs": str(s.epochs), "minutes": f"{expected_seconds(s) / 60:.1f}"} for name, s in left.items()]
    )
    from mi_core.threads import available_threads  # here, because it loads NumPy

    workers = workers or available_threads()
    minutes = sum(map(expected_seconds, left.values())) / 60 / workers
    time = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"
    say(f"{len(left)} run{'s' * (len(left) != 1)}, about {time} at {workers} at a time, each on a core of an AMD EPYC (Zen 3).")


def print_verdicts(verdicts: list[Verdict]) -> None:
    """Print the verdicts under the usual reading, and how many ways of training and measuring agree; claims.md has the rest."""
    from trainer.reproduction import overview

    chosen, ways = overview.usual(verdicts), overview.ways_of(verdicts)
    if not chosen:
        return
    say(
        f"{', '.join(ways[0])}; MI as measured, last layer after the sum. In brackets: how many of the {len(ways)} ways of "
        "training and of normalising batches give the same verdict."
    )
    for verdict in sorted((v for v in chosen if overview.way_of(v) == ways[0]), key=lambda v: v.claim):
        agree = sum((other.claim, other.verdict) == (verdict.claim, verdict.verdict) for other in chosen)
        corrected = "" if verdict.holm == verdict.verdict else ", undecided once corrected for the number of claims"
        say(f"  {verdict.claim}. {verdict.says} {verdict.verdict.capitalize()}{corrected} ({agree}).")
