"""The folder of a run: manifest, table, checkpoints, activations. Every file in it is whole, even after an interruption."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mi_core import InputError
from mi_core.errors import first_line
from mi_core.records import read_record, record_from_plain
from mi_core.whole_files import UNFINISHED, errors_named, remove_unfinished, whole_file
from trainer.config import Settings
from trainer.table import Count, Positive, Table

if TYPE_CHECKING:
    import keras

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two processes from one run there
    fcntl = None  # type: ignore[assignment]


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Data that a run was trained on.

    Attributes:
        source: Name or path that `trainer.load_data` takes.
        checksum: SHA-256 of the arrays.
        note: What a user should know about the origin of the data; empty if nothing.
        n_train: Number of training samples.
        n_test: Number of test samples.
        n_features: Number of features per sample.
        n_classes: Number of classes.
    """

    source: str
    checksum: str
    note: str
    n_train: Positive
    n_test: Positive
    n_features: Positive
    n_classes: Positive


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """Record of a run's settings, data and machine.

    Attributes:
        settings: All settings.
        keras_backend: Backend of Keras.
        devices: Devices that Keras saw.
        machine: Operating system, processor, threads, GPUs.
        versions: Versions of this project, Python and libraries.
        data: Data that the run was trained on.
        measured_indices: Indices of the measured samples, or "all".
        started: Time of the start, in UTC.
    """

    settings: Settings
    keras_backend: str
    devices: list[str] = dataclasses.field(default_factory=list)
    machine: dict[str, int | str] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    data: Provenance
    measured_indices: Literal["all"] | list[Count] = "all"
    started: str = ""


class RunFolder:
    """Folder in which a run keeps its settings and results::

        manifest.json       settings, seeds, versions, device, checksum of the data
        metrics.jsonl       one row per epoch, pair of layers and statistics of batch normalisation
        checkpoints/        epoch-0007.npz: weights and state of the optimizer after epoch 7
        model.keras         the trained network
        activations/        0007-inference-last.npy, if asked for
        tensorboard/        event files, if asked for

    Rows of an epoch are written before its checkpoint. A run resumes from its last checkpoint and drops the rows after it.

    Args:
        path: Path of the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest_file = self.path / "manifest.json"
        self.table = Table(self.path / "metrics.jsonl")
        self.checkpoints = self.path / "checkpoints"
        self.model_file = self.path / "model.keras"
        self.activations = self.path / "activations"
        self.tensorboard = self.path / "tensorboard"

    def check_new(self) -> None:
        """Raise InputError if something is there already."""
        if self.manifest_file.exists():
            raise InputError(f"{self.path} holds a run already: continue it with --resume {self.path}, or name a new folder.")
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file: name a new folder.")
        with contextlib.suppress(FileNotFoundError), _clear_errors(self.path):
            if any(not is_leftover(path) for path in self.path.iterdir()):
                raise InputError(f"{self.path} has other files in it: name a new folder.")

    def create(self, manifest: Manifest) -> None:
        """Make the folder, with its manifest.

        Raises:
            InputError: The folder exists, or nothing can be written there.
        """
        self.check_new()
        with _clear_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self.write_manifest(manifest)

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the manifest, in place of one that is there."""
        with whole_file(self.manifest_file) as file:
            file.write((json.dumps(dataclasses.asdict(manifest), indent=2, allow_nan=False) + "\n").encode())

    def manifest(self) -> Manifest:
        """Read the manifest. Entries that this version does not know are ignored, except for settings.

        Raises:
            InputError: The manifest is missing or damaged, or has a setting that this version does not know.
        """
        try:
            record = read_record(self.manifest_file, dict[str, Any])
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"{self.path} is no run: it has no manifest.json.") from None
        if isinstance(settings := record.get("settings"), dict):
            record["settings"] = Settings.from_dict(settings, f"{self.manifest_file}: settings")
        return record_from_plain(record, Manifest, f"{self.manifest_file} is damaged")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Context in which no other process can work on the run. The lock ends with the process, however that ends.

        Raises:
            InputError: Another process works on the run.
        """
        with _clear_errors(self.path):
            handle = os.open(self.path, os.O_RDONLY)
        try:
            if fcntl is not None:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise InputError(f"{self.path} is in use by another process: wait for it, or stop it.") from None
            yield
        finally:
            os.close(handle)

    def save(self, model: keras.Model, epoch: int, keep: bool) -> None:
        """Write the checkpoint of an epoch, then drop older ones unless `keep` is set.

        It is a file of plain arrays, which takes a sixth of the time of Keras' own format: some 20 instead of 120 ms per epoch.
        """
        import keras

        self.checkpoints.mkdir(exist_ok=True)
        path = self.checkpoints / f"epoch-{epoch:04d}.npz"
        with whole_file(path) as file:
            np.savez(file, *(keras.ops.convert_to_numpy(variable) for variable in state_of(model)))
            file.flush()
            os.fsync(file.fileno())
        if not keep:
            for other in self._saved().values():
                if other != path:
                    other.unlink()

    def restore(self, model: keras.Model, epoch: int) -> None:
        """Load the weights and the optimizer's state of an epoch into a compiled model of the run's settings.

        Raises:
            InputError: There is no checkpoint of the epoch, or it is damaged.
        """
        path = self._saved().get(epoch)
        if path is None:
            there = ", ".join(map(str, sorted(self._saved()))) or "none"
            raise InputError(f"{self.path} has no checkpoint of epoch {epoch}: it has {there}.")
        model.optimizer.build(model.trainable_variables)
        variables = state_of(model)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
                values = [saved[f"arr_{place}"] for place in range(len(saved.files))]
        except (MemoryError, Exception) as error:  # damaged bytes make NumPy, zipfile and zlib raise nearly anything
            raise InputError(f"{path} is damaged: {first_line(error)}") from error
        kinds = {value.dtype.kind for value in values}
        if [value.shape for value in values] != [tuple(variable.shape) for variable in variables] or not kinds <= set("fiu"):
            raise InputError(f"{path} is of another network than the manifest's: bring back what was there, or train anew.")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def save_model(self, model: keras.Model) -> None:
        """Write the trained network in Keras' file format."""
        with whole_file(self.model_file, ending=".keras") as file, errors_named(self.model_file):  # Keras insists on the ending
            model.save(file.name)

    def latest(self) -> int:
        """Epoch of the last checkpoint; 0 if there is none."""
        return max(self._saved(), default=0)

    def clean(self) -> None:
        """Remove files that a killed process left half written."""
        for folder in (self.path, self.checkpoints, self.activations):
            remove_unfinished(folder)

    def discard(self) -> None:
        """Remove what a run without a checkpoint has written, so that the folder can hold another."""
        for folder in (self.activations, self.tensorboard):
            shutil.rmtree(folder, ignore_errors=True)
        for file in (self.table.path, self.manifest_file):
            file.unlink(missing_ok=True)

    def _saved(self) -> dict[int, Path]:
        """Checkpoints by epoch; other files are ignored."""
        named = {path: re.fullmatch(r"epoch-([0-9]{4,10})\.npz", path.name) for path in self.checkpoints.glob("epoch-*.npz")}
        return {int(name[1]): path for path, name in named.items() if name and path.is_file()}


def state_of(model: keras.Model) -> list[keras.Variable]:
    """All that changes while a model trains: weights, moving averages, state of the optimizer."""
    return [*model.variables, *model.optimizer.variables]


def is_leftover(path: Path) -> bool:
    """Whether a killed process left the file half written."""
    return path.name.startswith(UNFINISHED)


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be used: {error.strerror}.") from error
