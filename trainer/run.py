"""The folder of a run: manifest, table, checkpoints, activations. Every file in it is whole, whenever the run was ended."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
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
    """The data that a run was trained on.

    Attributes:
        source: What `trainer.load_data` finds it by.
        checksum: SHA-256 of the arrays.
        note: What a user should know about where it came from; empty if nothing.
        n_train: Samples to train on.
        n_test: Samples to test on.
        n_features: Numbers a sample has.
        n_classes: Classes.
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
    """What a run is made of.

    Attributes:
        settings: All settings.
        keras_backend: What Keras ran on.
        devices: What Keras saw.
        machine: Operating system, processor, threads, GPUs.
        versions: Versions of this project, Python and libraries.
        data: What it was trained on.
        measured_indices: Which samples were measured.
        started: When, in UTC.
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
    """Where a run keeps what it is made of and what it found::

        manifest.json       settings, seeds, versions, device, checksum of the data
        metrics.jsonl       one row per epoch, pair of layers and way of batch normalisation
        checkpoints/        epoch-0007.npz: weights and state of the optimizer after epoch 7
        model.keras         the network, once it is trained
        activations/        0007-inference-last.npy, where asked for
        tensorboard/        event files, where asked for

    Rows of an epoch are written before its checkpoint, so a run continues from its last checkpoint, less the rows after it.

    Args:
        path: The folder.
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
            InputError: It exists, or nothing can be written there.
        """
        self.check_new()
        with _clear_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self.write_manifest(manifest)

    def write_manifest(self, manifest: Manifest) -> None:
        """Write it, or replace the one that is there."""
        with whole_file(self.manifest_file) as file:
            file.write((json.dumps(dataclasses.asdict(manifest), indent=2, allow_nan=False) + "\n").encode())

    def manifest(self) -> Manifest:
        """What the manifest says. What this version does not know in it is passed over, except for settings.

        Raises:
            InputError: There is none, or it is damaged, or has a setting that this version does not know.
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
        """While this lasts, no other process can work on the run. Ends with the process, however that ends.

        Raises:
            InputError: One does already.
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
        """Write the checkpoint of an epoch, then drop older ones unless they are to be kept.

        Plain arrays, in a sixth of the time that Keras takes for a file of its own: some 20 instead of 120 ms, every epoch.
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
        """Give a compiled model of the run's settings the weights and the state of the optimizer of an epoch.

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
        """Write the trained network as a file of Keras."""
        with whole_file(self.model_file, ending=".keras") as file, errors_named(self.model_file):  # Keras insists on the ending
            model.save(file.name)

    def latest(self) -> int:
        """Epoch of the last checkpoint; 0 if there is none."""
        return max(self._saved(), default=0)

    def clean(self) -> None:
        """Remove what a killed process left half written."""
        for folder in (self.path, self.checkpoints, self.activations):
            remove_unfinished(folder)

    def _saved(self) -> dict[int, Path]:
        """The checkpoints by their epochs; what else lies there is no checkpoint."""
        named = {path: re.fullmatch(r"epoch-([0-9]{4,10})\.npz", path.name) for path in self.checkpoints.glob("epoch-*.npz")}
        return {int(name[1]): path for path, name in named.items() if name and path.is_file()}


def state_of(model: keras.Model) -> list[keras.Variable]:
    """All that changes while a model trains: weights, moving averages, state of the optimizer."""
    return [*model.variables, *model.optimizer.variables]


def is_leftover(path: Path) -> bool:
    """Whether it is a file that a killed process left half written."""
    return path.name.startswith(UNFINISHED)


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be used: {error.strerror}.") from error
