"""Start of a run from its settings, or resumption where it was interrupted."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mi_core import InputError, MIError, machine
from trainer.callback import MutualInformationCallback
from trainer.config import Settings
from trainer.data import Dataset, load_data
from trainer.model import build, compile_model
from trainer.run import Manifest, Provenance, RunFolder
from trainer.table import Row

Report = Callable[[int, list[Row], dict[str, Any]], None]
"""Function called after epoch 0 (before training) and after every epoch, with the epoch, its rows and Keras' logs."""


def start_run(settings: Settings, folder: str | Path, report: Report | None = None) -> RunFolder:
    """Train and measure as the settings say, into a new folder.

    Args:
        settings: All settings of the run.
        folder: Folder to make; it must not exist yet, or be empty.
        report: Called after each epoch.

    Raises:
        InputError: The settings, the data or the folder cannot be used.
        OSError: A file could not be written. All earlier epochs are kept, and `resume_run` continues after them.
    """
    run = RunFolder(folder)
    run.check_new()
    if settings.tensorboard and not (importlib.util.find_spec("tensorflow") and importlib.util.find_spec("tensorboard")):
        raise InputError("TensorBoard's files need TensorFlow and TensorBoard: python -m pip install tensorflow tensorboard")
    data = load_data(settings.data)
    model = _model(settings, data.x_train.shape[1], data.n_classes)
    measuring = _measuring(settings, data, run)
    measuring.prepare(model)
    run.create(_manifest(settings, data, measuring))
    with run.held():
        try:
            _fit(run, settings, data, model, measuring, 0, report)
        except MIError:  # of the first measurement, which a resumed run would meet again
            if not run.latest():
                run.discard()
            raise
        run.save_model(model)
    return run


def resume_run(folder: str | Path, epochs: int | None = None, report: Report | None = None) -> RunFolder:
    """Resume an interrupted run. Its rows are the same as without the interruption.

    Args:
        folder: Folder of the run.
        epochs: Number of epochs in all, if more than the run was started for.
        report: Called after each epoch from here on.

    Raises:
        InputError: The folder is not a run, its data have changed, it was trained with another Keras backend, or it is in use.
        OSError: A file could not be written.
    """
    run = RunFolder(folder)
    manifest = run.manifest()
    settings = manifest.settings
    if manifest.keras_backend != keras.backend.backend():
        raise InputError(
            f"{folder} was trained with Keras on {manifest.keras_backend}, and this is {keras.backend.backend()}: "
            f"set KERAS_BACKEND={manifest.keras_backend}."
        )
    if epochs is not None and epochs < settings.epochs:
        raise InputError(f"epochs is {epochs}, and {folder} was started for {settings.epochs}: give as many or more.")
    data = load_data(manifest.data.source)
    if data.checksum != manifest.data.checksum:
        raise InputError(f"{manifest.data.source} has changed since {folder} was started: bring the old data back.")
    with run.held():
        run.clean()
        if epochs is not None and epochs > settings.epochs:
            settings = dataclasses.replace(settings, epochs=epochs)
            run.write_manifest(dataclasses.replace(manifest, settings=settings))
        done = run.latest()
        model = _model(settings, data.x_train.shape[1], data.n_classes)
        if done == 0:
            run.table.path.unlink(missing_ok=True)
        else:
            run.restore(model, done)
        if done < settings.epochs:
            _fit(run, settings, data, model, _measuring(settings, data, run), done, report)
        else:
            run.table.keep(done)
        run.save_model(model)
    return run


def load_model(folder: str | Path, epoch: int | None = None) -> keras.Model:
    """The network of a run as it was after an epoch, compiled.

    Args:
        folder: Folder of the run.
        epoch: Epoch that has a checkpoint: the last one, or any in a run with `keep_checkpoints`. None for the last.

    Raises:
        InputError: The folder is not a run, or has no checkpoint of the epoch.
    """
    run = RunFolder(folder)
    manifest = run.manifest()
    model = _model(manifest.settings, manifest.data.n_features, manifest.data.n_classes)
    run.restore(model, run.latest() if epoch is None else epoch)
    return model


def _model(settings: Settings, n_features: int, n_classes: int) -> keras.Model:
    model = build(settings, n_features, n_classes)
    compile_model(model, settings)
    return model


def _measuring(settings: Settings, data: Dataset, run: RunFolder) -> MutualInformationCallback:
    part = {"test": (data.x_test, data.y_test), "train": (data.x_train, data.y_train)}[settings.measured_set]
    return MutualInformationCallback(
        part,
        settings.layers,
        k=settings.k,
        every=settings.every,
        null_every=settings.null_every,
        bn=settings.bn,
        samples=settings.samples,
        seed=settings.seed,
        units=settings.units,
        standardize=settings.standardize,
        lower_bound=settings.lower_bound,
        reduce=settings.reduce,
        also=settings.also,
        also_every=settings.also_every,
        backend=settings.backend,
        table=run.table,
        save_activations=run.activations if settings.save_activations else None,
        quiet=True,
    )


def _fit(
    run: RunFolder,
    settings: Settings,
    data: Dataset,
    model: keras.Model,
    measuring: MutualInformationCallback,
    done: int,
    report: Report | None,
) -> None:
    callbacks: list[keras.callbacks.Callback] = [measuring]
    if settings.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(run.tensorboard, write_graph=False))
    callbacks.append(_EndOfEpoch(run, settings, measuring, report))
    feed: dict[str, Any]
    if settings.batch_size is None:
        feed = {"x": data.x_train, "y": data.y_train, "batch_size": len(data.x_train)}
    else:
        batches = _MiniBatches(data, settings.batch_size, settings.seed)
        feed = {"x": batches}
        callbacks.append(keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: batches.shuffle(epoch)))
    model.fit(**feed, shuffle=False, epochs=settings.epochs, initial_epoch=done, verbose=0, callbacks=callbacks)


class _EndOfEpoch(keras.callbacks.Callback):
    """Writes the checkpoint once the epoch's rows are on disk, then calls `report`."""

    def __init__(self, run: RunFolder, settings: Settings, measuring: MutualInformationCallback, report: Report | None) -> None:
        super().__init__()
        self.run, self.settings, self.measuring, self.report = run, settings, measuring, report

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch == 0:
            self._tell(0, {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.run.save(self.model, epoch + 1, keep=self.settings.keep_checkpoints)
        self._tell(epoch + 1, logs or {})

    def _tell(self, epoch: int, logs: dict[str, Any]) -> None:
        if self.report is not None:
            self.report(epoch, [row for row in self.measuring.rows if row.epoch == epoch], logs)


class _MiniBatches(keras.utils.PyDataset):
    """Mini-batches of the training set, in an order that depends only on seed and epoch, so that a resumed run has the same."""

    def __init__(self, data: Dataset, batch_size: int, seed: int) -> None:
        super().__init__()
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.shuffle(0)

    def shuffle(self, epoch: int) -> None:
        """Set the order of an epoch. Called from outside, since how often Keras itself calls a hook depends on its backend."""
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.data.x_train))

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return self.data.x_train[rows], self.data.y_train[rows]


def _manifest(settings: Settings, data: Dataset, measuring: MutualInformationCallback) -> Manifest:
    return Manifest(
        settings=settings,
        keras_backend=keras.backend.backend(),
        data=Provenance(
            source=data.source,
            checksum=data.checksum,
            note=data.note,
            n_train=len(data.x_train),
            n_test=len(data.x_test),
            n_features=data.x_train.shape[1],
            n_classes=data.n_classes,
        ),
        devices=keras.distribution.list_devices(),
        machine=machine.facts(),
        versions=machine.versions(),
        measured_indices="all" if settings.samples is None else measuring.indices.tolist(),
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    )
