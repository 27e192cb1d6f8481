"""Training and test samples: MNIST and its kin, scikit-learn's digits, or a user's own file."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import math
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core import InputError
from mi_core.errors import did_you_mean, first_line
from mi_core.explanations import noted
from mi_core.files import load_array
from trainer.config import DATA_NAMES, data_name

KEYS = ("x_train", "y_train", "x_test", "y_test")
HOW_TO_GET_MNIST = "--data PATH takes an mnist.npz or a folder with the four IDX files (train-images-idx3-ubyte.gz, ...)"


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Samples with labels, ready for training.

    Attributes:
        x_train: (n_train, n_features) float32; bytes are divided by 255, other values unchanged.
        y_train: (n_train,) int64, classes from 0.
        x_test: (n_test, n_features) float32.
        y_test: (n_test,) int64.
        n_classes: One more than the largest label.
        source: Name or path that `load_data` takes.
        checksum: SHA-256 of the four original arrays, including their types and shapes.
        note: What a user should know about the origin of the data; empty if nothing.
    """

    x_train: NDArray[np.float32]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float32]
    y_test: NDArray[np.int64]
    n_classes: int
    source: str
    checksum: str
    note: str = ""


def load_data(source: str = "auto") -> Dataset:
    """The data set that `source` names.

    Args:
        source: "mnist", "fashion-mnist" (both from Keras, which downloads them once), "digits" (scikit-learn's), "auto" (MNIST,
            or the digits if MNIST cannot be downloaded), or a path: an .npz file with x_train, y_train, x_test and y_test, or a
            folder with the four IDX files of MNIST or Fashion-MNIST, gzipped or not.

    Raises:
        InputError: There is no such data set, or it is truncated or damaged, or has wrong keys, shapes or labels.
    """
    source = data_name(source)
    if source == "auto":
        try:
            return load_data("mnist")
        except InputError as error:
            what = f"{error} Training on scikit-learn's 1,797 digits of 8x8 pixels instead."
            note = noted("stand-in-data", what)
            return dataclasses.replace(load_data("digits"), note=note)
    if source in NAMED:
        return _checked(NAMED[source](), source, source)
    path = Path(source).expanduser()
    if not path.exists():
        raise InputError(
            f"data is {source!r}, which is neither a file nor a folder nor one of "
            f"{', '.join(DATA_NAMES)}{did_you_mean(source, DATA_NAMES)}"
        )
    arrays = _read_idx_folder(path) if path.is_dir() else _read_npz(path)
    return _checked(arrays, str(path), str(path.resolve()))


Arrays = dict[str, NDArray[Any]]


def _from_keras(name: str) -> Arrays:
    import keras

    module = {"mnist": keras.datasets.mnist, "fashion-mnist": keras.datasets.fashion_mnist}[name]
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it talks while it downloads, and stdout is for results
            train, test = module.load_data()
    except Exception as error:
        raise InputError(f"{name} cannot be downloaded ({first_line(error)}). {HOW_TO_GET_MNIST}.") from error
    return dict(zip(KEYS, (*train, *test), strict=True))


def _digits() -> Arrays:
    """scikit-learn's digits, 0 to 16 scaled to 0 to 1; 1,297 to train on and 500 to test on, always the same ones."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError(f"the digits need scikit-learn: python -m pip install scikit-learn. Or {HOW_TO_GET_MNIST}.") from None
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).astype(np.float32), y[order]
    return {"x_train": x[:-500], "y_train": y[:-500], "x_test": x[-500:], "y_test": y[-500:]}


NAMED: dict[str, Callable[[], Arrays]] = {
    "mnist": lambda: _from_keras("mnist"),
    "fashion-mnist": lambda: _from_keras("fashion-mnist"),
    "digits": _digits,
}


def _read_npz(path: Path) -> Arrays:
    if path.suffix.lower() != ".npz":
        raise InputError(f"{path} is no .npz file: save x_train, y_train, x_test and y_test with numpy.savez.")
    return {key: load_array(f"{path}:{key}") for key in KEYS}


def _read_idx_folder(folder: Path) -> Arrays:
    """Arrays of a folder with MNIST's four files, under their published names."""
    names = {"x_train": "train-images", "y_train": "train-labels", "x_test": "t10k-images", "y_test": "t10k-labels"}
    arrays = {}
    for key, stem in names.items():
        kind = "idx3" if "images" in stem else "idx1"
        candidates = [folder / f"{stem}{dot}{kind}-ubyte{end}" for dot in "-." for end in (".gz", "")]
        found = next((path for path in candidates if path.is_file()), None)
        if found is None:
            raise InputError(f"{folder} has no {candidates[0].name}: name a folder with the four IDX files, or an .npz file.")
        arrays[key] = _read_idx(found)
    return arrays


def _read_idx(path: Path) -> NDArray[Any]:
    """An array of bytes in the IDX format: two zero bytes, type 8, rank, sizes as big-endian uint32, values."""
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except PermissionError:
        raise InputError(f"{path}: no permission to read it.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} is truncated or damaged: {first_line(error)}") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08" or not 1 <= content[3] <= 8:
        raise InputError(f"{path} is not an IDX file of bytes: it must start with 00 00 08 and its rank.")
    rank = content[3]
    start = 4 + 4 * rank
    if len(content) >= start:
        shape = struct.unpack(f">{rank}I", content[4:start])
        if len(content) - start == math.prod(shape):
            return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
    raise InputError(f"{path} is truncated or damaged: it has {len(content):,} bytes, not the number that its header says.")


def _checked(arrays: Arrays, name: str, source: str) -> Dataset:
    """The data set, after a check that shapes and labels fit together."""
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.ndim < 2:
            raise InputError(f"{name}: x_{part} has shape {x.shape}: it must be one sample per row.")
        if y.shape != (len(x),):
            raise InputError(f"{name}: x_{part} has {len(x)} samples and y_{part} has shape {y.shape}, not ({len(x)},).")
        if len(x) < 2:
            raise InputError(f"{name}: x_{part} has {len(x)} samples: it must have at least 2.")
        if x.dtype.kind not in "buif" or not np.isfinite(x).all():
            raise InputError(f"{name}: x_{part} must hold finite numbers, and its type is {x.dtype}.")
        if y.dtype.kind not in "ui" or y.min() < 0:
            raise InputError(f"{name}: y_{part} must hold whole numbers from 0, one class each; its type is {y.dtype}.")
    if arrays["x_train"].shape[1:] != arrays["x_test"].shape[1:]:
        shapes = f"{arrays['x_train'].shape[1:]} and {arrays['x_test'].shape[1:]}"
        raise InputError(f"{name}: samples of x_train and x_test differ in shape, {shapes}.")
    n_classes = int(arrays["y_train"].max()) + 1
    if n_classes < 2:
        raise InputError(f"{name}: y_train has the one label 0: there must be two classes or more.")
    if arrays["y_test"].max() >= n_classes:
        raise InputError(f"{name}: y_test has label {arrays['y_test'].max()}, and y_train none above {n_classes - 1}.")
    if n_classes > len(arrays["y_train"]):
        raise InputError(f"{name}: y_train has label {n_classes - 1}, more than there are samples: number classes from 0.")
    return Dataset(
        x_train=_as_features(arrays["x_train"]),
        y_train=arrays["y_train"].astype(np.int64),
        x_test=_as_features(arrays["x_test"]),
        y_test=arrays["y_test"].astype(np.int64),
        n_classes=n_classes,
        source=source,
        checksum=_checksum(arrays),
    )


def _as_features(x: NDArray[Any]) -> NDArray[np.float32]:
    flat = x.reshape(len(x), -1).astype(np.float32)
    if x.dtype == np.uint8:
        flat /= 255
    return flat


def _checksum(arrays: Arrays) -> str:
    digest = hashlib.sha256()
    for key in KEYS:
        digest.update(f"{key} {arrays[key].dtype.str} {arrays[key].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[key]).data)
    return digest.hexdigest()
