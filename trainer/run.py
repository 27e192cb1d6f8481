"""The folder of a run: manifest, table, checkpoints, activations. Every file in it is whole, whenever the run was ended."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_core import InputError
from mi_core._files import whole_file
from trainer.table import Table

if TYPE_CHECKING:
    import keras

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two processes from one run there
    fcntl = None  # type: ignore[assignment]


class RunFolder:
    """Where a run keeps what it is made of and what it found.

    manifest.json       settings, seeds, versions, device, checksum of the data
    metrics.jsonl       one row per epoch, pair of layers and way of batch normalisation
    checkpoints/        epoch-0007.keras: weights and state of the optimizer after epoch 7
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
        self.activations = self.path / "activations"
        self.tensorboard = self.path / "tensorboard"

    def check_new(self) -> None:
        """Raise InputError if something is there already."""
        if self.manifest_file.exists():
            raise InputError(f"{self.path} holds another run: continue it with --resume {self.path}, or name a new folder.")
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file: name a new folder.")
        with contextlib.suppress(FileNotFoundError), _clear_errors(self.path):
            if any(not is_leftover(path) for path in self.path.iterdir()):
                raise InputError(f"{self.path} has other files in it: name a new folder.")

    def create(self, manifest: dict[str, Any]) -> None:
        """Make the folder, with its manifest.

        Raises:
            InputError: It exists, or nothing can be written there.
        """
        self.check_new()
        with _clear_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self.write_manifest(manifest)

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write it, or replace the one that is there."""
        with whole_file(self.manifest_file) as file:
            file.write((json.dumps(manifest, indent=2, allow_nan=False) + "\n").encode())

    def manifest(self) -> dict[str, Any]:
        """What the manifest says.

        Raises:
            InputError: There is none, or it is damaged.
        """
        try:
            manifest = json.loads(self.manifest_file.read_text(encoding="utf-8"))
            manifest["settings"], manifest["data"], manifest["keras_backend"]
        except FileNotFoundError:
            raise InputError(f"{self.path} is no run: it has no manifest.json.") from None
        except OSError as error:
            raise InputError(f"{self.manifest_file} cannot be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.manifest_file} is damaged: {error}.") from error
        return dict(manifest)

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
        """Write the checkpoint of an epoch, then drop older ones unless they are to be kept."""
        _let_keras_save_faster()
        self.checkpoints.mkdir(exist_ok=True)
        path = self.checkpoints / f"epoch-{epoch:04d}.keras"
        unfinished = self.checkpoints / f".{path.stem}.{os.getpid()}.keras"  # Keras insists on the ending
        try:
            model.save(unfinished)
            with unfinished.open("rb+") as file:
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        if not keep:
            for other in self._saved().values():
                if other != path:
                    other.unlink()

    def latest(self) -> tuple[int, Path | None]:
        """Epoch and path of the last checkpoint; 0 and None if there is none."""
        saved = self._saved()
        return max(saved.items(), default=(0, None))

    def clean(self) -> None:
        """Remove what a killed process left half written."""
        for path in self.path.rglob(".*"):
            if is_leftover(path):
                path.unlink(missing_ok=True)

    def _saved(self) -> dict[int, Path]:
        return {int(path.stem.removeprefix("epoch-")): path for path in self.checkpoints.glob("epoch-*.keras")}


@functools.cache
def _let_keras_save_faster() -> None:
    """Keep the sets of attributes that saving leaves out, one a class.

    Keras 3.15 means to, but looks for them under another name than it keeps them under, and so makes a new one for every layer
    at every save: 0.4 of the time of a checkpoint. Where a Keras has no such function, nothing happens.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from keras.src.saving import saving_lib

        saving_lib.get_attr_skipset = functools.cache(saving_lib.get_attr_skipset)


def is_leftover(path: Path) -> bool:
    """Whether it is a file that a killed process left half written."""
    return path.name.startswith(".") and path.suffix in (".tmp", ".keras")


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be used: {error.strerror}.") from error
