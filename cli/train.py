"""`mi train`: a network is trained, and the mutual information between its layers measured, epoch by epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli._errors import stop_for, stop_for_system
from cli._layers import parse_pairs
from cli._options import BackendOption, K, parse_ks
from cli._output import print_notes, say
from mi_core import InputError
from mi_core.options import Units
from mi_core.progress_bar import ProgressBar
from trainer import keras_loader
from trainer.config import Arch, Init, MeasuredSet, Residual, Settings

if TYPE_CHECKING:
    from trainer.run import RunFolder
    from trainer.table import Row

DEFAULT_KS = ",".join(map(str, Settings.k))


def train(
    context: typer.Context,
    arch: Annotated[Arch, typer.Option(help="Architecture; shortcut and resnet sum the outputs of layers.")] = Settings.arch,
    width: Annotated[int, typer.Option(help="Units per hidden layer; the first and last have twice as many.")] = Settings.width,
    hidden: Annotated[int, typer.Option(help="Number of hidden layers, first and last included.")] = Settings.hidden,
    epochs: Annotated[int, typer.Option(help="Passes over the training set.")] = Settings.epochs,
    data: Annotated[
        str,
        typer.Option(
            metavar="NAME|PATH",
            help="mnist, fashion-mnist, digits; an .npz file with x_train, y_train, x_test, y_test; or a folder of IDX "
            "files. auto: MNIST, or the digits if MNIST cannot be downloaded.",
        ),
    ] = Settings.data,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="New folder of the run.  [default: runs/ARCH-wWIDTH-hHIDDEN-sSEED]")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Resume this run where it was interrupted; --epochs may raise the number of epochs."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Samples per update.  [default: the whole training set, one update per epoch]")
    ] = Settings.batch_size,
    activation: Annotated[str, typer.Option(help="Any Keras activation: tanh, relu, ...")] = Settings.activation,
    init: Annotated[Init, typer.Option(help="Normal initialisation of the weights.")] = Settings.init,
    residual: Annotated[
        Residual,
        typer.Option(
            help="Sums of a resnet: at all layers of equal width (running-sums), or only at every second one (blocks)."
        ),
    ] = Settings.residual,
    learning_rate: Annotated[float, typer.Option(help="Learning rate of RMSprop.")] = Settings.learning_rate,
    momentum: Annotated[float, typer.Option(help="Momentum of batch normalisation's moving averages.")] = Settings.momentum,
    seed: Annotated[
        int, typer.Option(help="Seed of initial weights, batch order, drawn samples and shuffles.")
    ] = Settings.seed,
    layers: Annotated[
        str,
        typer.Option(
            metavar="X:Y[,X:Y...]",
            help="Pairs of layers to measure: first, last, last_before_sum, hidden_2, input, labels, or the name of any layer.",
        ),
    ] = ",".join(map(":".join, Settings.layers)),
    bn: Annotated[
        str,
        typer.Option(
            metavar="WAY[,WAY]",
            help="Statistics of batch normalisation when measuring: inference (moving averages), batch (those of the "
            "measured samples).",
        ),
    ] = ",".join(Settings.bn),
    measured_set: Annotated[MeasuredSet, typer.Option(help="Set on which MI and error are measured.")] = Settings.measured_set,
    samples: Annotated[
        int | None, typer.Option(metavar="N", help="Measure on N samples of that set, drawn once.  [default: all]")
    ] = Settings.samples,
    every: Annotated[
        str, typer.Option(metavar="N|N,N,...", help="Measure every N epochs, or at these epochs; 0 is before training.")
    ] = str(Settings.every),
    null_every: Annotated[
        str,
        typer.Option(
            metavar="N|N,N,...", help="Measure MI with shuffled pairing too, every N epochs, or at these epochs; 0 for never."
        ),
    ] = str(Settings.null_every),
    k: K = DEFAULT_KS,
    units: Annotated[Units, typer.Option(help="Unit of MI.")] = Settings.units,
    standardize: Annotated[
        str,
        typer.Option(
            metavar="WAY[,WAY]",
            help="Scaling of the sides: none (as they are), sides, columns; several are measured one by one.",
        ),
    ] = ",".join(Settings.standardize),
    lower_bound: Annotated[
        bool, typer.Option("--lower-bound", help="Measure a lower bound of MI between layers, too, on held-out samples.")
    ] = Settings.lower_bound,
    reduce: Annotated[
        str | None, typer.Option(metavar="METHOD:DIM", help="Estimate the MI of fewer columns, too: pca:10, cca:8, random:10.")
    ] = Settings.reduce,
    also: Annotated[
        str | None,
        typer.Option(metavar="WHAT[,WHAT]", help="Other measures of each pair: cka, knn-overlap, dimension."),
    ] = None,
    also_every: Annotated[
        str, typer.Option(metavar="N|N,N,...", help="Epochs at which --lower-bound, --reduce and --also are measured.")
    ] = str(Settings.also_every),
    backend: BackendOption = Settings.backend,
    save_activations: Annotated[
        bool, typer.Option("--save-activations", help="Save the activations of the measured layers as .npy, for mi estimate.")
    ] = Settings.save_activations,
    keep_checkpoints: Annotated[
        bool, typer.Option("--keep-checkpoints", help="Keep the checkpoint of every epoch, not only of the last.")
    ] = Settings.keep_checkpoints,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write TensorBoard event files.")] = Settings.tensorboard,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the folder of the run.")] = False,
) -> None:
    """Train a network and measure the MI between its layers, epoch by epoch.

    The run's folder has all settings, a table of all measurements, and checkpoints, for mi plot and --resume. Keras runs on the
    backend that the environment variable KERAS_BACKEND names: tensorflow, jax or torch; by default on the first of these that
    is installed.

    Example: mi train --arch shortcut --epochs 20
    """
    if resume is not None:
        refuse_settings_beside_resume(context)
        folder = resume
    else:
        ways: Any = tuple(bn.split(","))
        scales: Any = tuple(standardize.split(","))
        others: Any = () if also is None else tuple(also.split(","))
        settings = Settings(
            arch=arch,
            width=width,
            hidden=hidden,
            activation=activation,
            init=init,
            residual=residual,
            learning_rate=learning_rate,
            momentum=momentum,
            batch_size=batch_size,
            epochs=epochs,
            data=data,
            seed=seed,
            layers=parse_pairs(layers),
            measured_set=measured_set,
            samples=samples,
            bn=ways,
            every=parse_schedule(every, "every"),
            null_every=parse_schedule(null_every, "null-every"),
            k=tuple(parse_ks(k)),
            units=units,
            standardize=scales,
            lower_bound=lower_bound,
            reduce=reduce,
            also=others,
            also_every=parse_schedule(also_every, "also-every"),
            backend=backend,
            save_activations=save_activations,
            keep_checkpoints=keep_checkpoints,
            tensorboard=tensorboard,
        )
        folder = out or Path("runs") / f"{arch}-w{width}-h{hidden}-s{seed}"

    from trainer.run import RunFolder

    run = RunFolder(folder)
    recorded = None
    if resume is None:
        run.check_new()
    else:
        manifest = run.manifest()
        recorded = manifest.keras_backend
        settings = manifest.settings
        if was_given(context, "epochs"):
            settings = dataclasses.replace(settings, epochs=epochs)

    try:
        keras_loader.choose_backend(recorded)
        keras_loader.load()  # before the bar, which would take stderr for a file while Keras is kept off it
        from trainer.train import resume_run, start_run

        with ProgressBar("training") as bar:

            def report(epoch: int, rows: list[Row], logs: dict[str, Any]) -> None:
                if not quiet:
                    bar.say(line_for(epoch, settings.epochs, rows, logs))
                bar(epoch, settings.epochs)

            if resume is None:
                start_run(settings, folder, report)
            else:
                resume_run(folder, settings.epochs, report)
    except KeyboardInterrupt as interrupt:
        stop_for(interrupt, what_is_kept(run, settings.epochs))
    except OSError as error:
        stop_for_system(error, what_is_kept(run, settings.epochs))
    print_notes(note for note in notes(run))
    say(str(folder) if quiet else f"run {folder}")


def parse_schedule(text: str, option: str) -> int | tuple[int, ...]:
    """Epochs to measure at, from text like 2 (every second) or 0,1,2,5,10 (these)."""
    try:
        epochs = tuple(int(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"--{option} is {text!r}: give a whole number, or epochs such as 0,1,2,5,10.") from None
    return epochs if "," in text else epochs[0]


def was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse_settings_beside_resume(context: typer.Context) -> None:
    """Raise InputError for a setting given with --resume, since a run keeps its own."""
    for name in context.params:
        if was_given(context, name) and name not in ("resume", "epochs", "quiet"):
            option = "--" + name.replace("_", "-")
            raise InputError(f"{option} cannot be changed with --resume: the run keeps the settings it was started with.")


def line_for(epoch: int, epochs: int, rows: list[Row], logs: dict[str, Any]) -> str:
    """One line of text on an epoch."""
    words = [f"epoch {epoch:>{len(str(epochs))}}/{epochs}"]
    if "loss" in logs:
        words.append(f"loss {logs['loss']:.4f}")
    shown: set[str] = set()
    for row in rows:
        way = "" if row.bn == "inference" else f" {row.bn}"
        if row.error is not None and row.bn not in shown:
            words.append(f"error{way} {row.error:.4f}")
            shown.add(row.bn)
        bar = "" if row.stderr is None else f" +- {row.stderr:.3f}"
        value = "not measured" if row.mi is None else f"{row.mi:.3f}{bar} {row.units}"
        order = "" if row.k == rows[0].k else f" k={row.k}"
        scale = "" if row.standardize == rows[0].standardize else f" {row.standardize} standardised"
        least = "" if row.lower_bound is None else f" (at least {row.lower_bound:.3f})"
        words.append(f"MI({row.x}, {row.y}){way}{order}{scale} {value}{least}")
    return "  ".join(words)


def what_is_kept(run: RunFolder, epochs: int) -> str:
    """What an interrupted run has kept, and the command that resumes it."""
    if not run.manifest_file.exists():
        return "nothing was written."
    epoch = run.latest()
    return f"{epoch} of {epochs} epochs are kept. To continue: mi train --resume {run.path}"


def notes(run: RunFolder) -> Iterator[str]:
    """Notes on a run: the origin of its data, and those of its last measurements."""
    from trainer.table import notes_of

    if note := run.manifest().data.note:
        yield note
    yield from notes_of(run.table.rows())
