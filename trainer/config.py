"""All settings of a run and their defaults, in one place. Imports neither NumPy nor Keras."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from mi_core.options import RENAMED, Backend, Standardize, Units

Arch = Literal["mlp", "shortcut", "resnet", "shortcut-resnet"]
Residual = Literal["running-sums", "blocks"]
Init = Literal["glorot", "he"]
Statistics = Literal["inference", "batch"]
MeasuredSet = Literal["test", "train"]
Positions = Literal["flatten", "mean", "first", "samples"]
Also = Literal["cka", "knn-overlap", "dimension"]
Pair = tuple[str, str]
DATA_NAMES = ("auto", "mnist", "fashion-mnist", "digits")

LARGEST = {  # beyond these no computer has the memory, the time or the integer
    "width": 10**6,
    "hidden": 10**4,
    "epochs": 10**9,
    "seed": 2**63 - 1,
    "batch_size": 10**12,
    "samples": 10**12,
    "k": 10**9,
    "every": 10**9,
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """All settings of a run. Its manifest records every field, and the same settings give the same rows.

    Where the paper (Hodas & Stinis 2018, doi:10.3389/fpsyg.2018.01185) leaves something open, a setting chooses the reading.

    Attributes:
        arch: "mlp"; "shortcut" sums the first hidden layer into the last; "resnet" sums alternating layers;
            "shortcut-resnet" does both.
        width: Units per hidden layer; the first and the last have twice as many.
        hidden: Number of hidden layers, the first and the last included.
        activation: Name of a Keras activation, applied after batch normalisation.
        init: Normal initialisation by Glorot or by He.
        residual: "running-sums": s_i = h_i + s_(i-2) wherever widths are equal; "blocks": only at every second layer.
        learning_rate: Learning rate of RMSprop.
        momentum: Momentum of batch normalisation's moving averages.
        batch_size: Samples per update; None for the whole training set, one update per epoch, as in the paper.
        epochs: Passes over the training set.
        data: "auto" is MNIST, or scikit-learn's digits if MNIST is not on this machine and cannot be downloaded; "mnist",
            "fashion-mnist", "digits"; or a path to an .npz file or to a folder with IDX files.
        seed: Seed of the initial weights, the order of mini-batches, drawn samples and shuffles.
        layers: Pairs of layers to measure: "first", "last", "last_before_sum", "input", "labels" or the name of a layer.
        measured_set: Set on which MI and error are measured.
        samples: Number of its samples to measure on, drawn once; None for all.
        bn: Statistics of batch normalisation when measuring: the moving averages, as in `predict`, those of the measured
            samples, or both.
        every: Measure before training and after every so many epochs; or at these epochs, where 0 is before training.
        null_every: Measure a null, MI with the pairing shuffled, after every so many epochs or at these epochs; 0 for never.
        k: Neighbour orders; several cost one search.
        units: Unit of MI.
        standardize: Scaling of the sides before an estimate; several are measured one after the other, on the same network.
        lower_bound: Whether to measure a lower bound of MI between layers, too, on held-out samples: once for all ways to
            standardise, unless noise is added.
        reduce: Reduction to fewer columns, such as "pca:10", whose MI is estimated too; None for no such estimate.
        also: Other measures of each pair of layers: "cka", linear centred kernel alignment; "knn-overlap", the share of nearest
            neighbours that the two have in common; "dimension" of the second layer.
        also_every: Measure `lower_bound`, `reduce` and `also` after every so many epochs or at these epochs, among those of
            `every`.
        backend: Backend that counts neighbours.
        save_activations: Whether to keep the measured layers' activations as .npy.
        keep_checkpoints: Whether to keep the checkpoint of every epoch, rather than only the last.
        tensorboard: Whether to write TensorBoard event files.
    """

    arch: Arch = "mlp"
    width: int = 100
    hidden: int = 5
    activation: str = "tanh"
    init: Init = "glorot"
    residual: Residual = "running-sums"
    learning_rate: float = 1e-3
    momentum: float = 0.99
    batch_size: int | None = None
    epochs: int = 20
    data: str = "auto"
    seed: int = 0
    layers: tuple[Pair, ...] = (("first", "last"), ("last", "labels"))
    measured_set: MeasuredSet = "test"
    samples: int | None = None
    bn: tuple[Statistics, ...] = ("inference",)
    every: int | tuple[int, ...] = 1
    null_every: int | tuple[int, ...] = 10
    k: tuple[int, ...] = (3,)
    units: Units = "bits"
    standardize: tuple[Standardize, ...] = ("none",)
    lower_bound: bool = False
    reduce: str | None = None
    also: tuple[Also, ...] = ()
    also_every: int | tuple[int, ...] = 1
    backend: Backend = "auto"
    save_activations: bool = False
    keep_checkpoints: bool = False
    tensorboard: bool = False

    def __post_init__(self) -> None:
        from mi_core import InputError, reduction
        from mi_core.arguments import one_of, whole_number

        object.__setattr__(self, "data", data_name(self.data))  # one name for one data set, in manifests too
        one_of(self.arch, Arch, "arch")
        one_of(self.init, Init, "init")
        one_of(self.residual, Residual, "residual")
        one_of(self.measured_set, MeasuredSet, "measured_set")
        one_of(self.units, Units, "units")
        one_of(self.backend, Backend, "backend")
        for name, words in (("bn", Statistics), ("standardize", Standardize), ("also", Also)):
            for word in getattr(self, name):
                one_of(word, words, name)
        if self.reduce is not None:
            reduction.check(self.reduce)
        for name, least in (("width", 1), ("hidden", 2), ("epochs", 1), ("seed", 0)):
            whole_number(getattr(self, name), name, at_least=least, at_most=LARGEST[name])
        for name in ("batch_size", "samples"):
            if getattr(self, name) is not None:
                whole_number(getattr(self, name), name, at_least=1, at_most=LARGEST[name])
        if not isinstance(self.k, tuple):
            raise InputError(f"k is {self.k!r}: give neighbour orders as a tuple, such as (3,) or (3, 10).")
        for k in self.k:
            whole_number(k, "k", at_least=1, at_most=LARGEST["k"])
        for name, least in (("every", 1), ("null_every", 0), ("also_every", 1)):
            epochs = getattr(self, name)
            for epoch in epochs if isinstance(epochs, tuple) else ():
                whole_number(epoch, name, at_least=0, at_most=LARGEST["every"])
            if not isinstance(epochs, tuple):
                whole_number(epochs, name, at_least=least, at_most=LARGEST["every"])
        if not self.layers or not self.bn or not self.k or not self.standardize or self.every == ():
            raise InputError("layers, bn, k, standardize or every is empty: there would be nothing to measure.")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate is {self.learning_rate}: it must be above 0 and finite.")
        if not 0 <= self.momentum < 1:
            raise InputError(f"momentum is {self.momentum}: it must be at least 0 and below 1.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return dataclasses.asdict(self)

    def checksum(self) -> str:
        """Twelve hexadecimal digits that tell settings with different rows apart; data and backend do not count.

        Default values are left out, so that a new setting changes no existing checksum.
        """
        usual = Settings()
        changed = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("data", "backend") and getattr(self, field.name) != getattr(usual, field.name)
        }
        return hashlib.sha256(json.dumps(changed, sort_keys=True).encode()).hexdigest()[:12]

    @classmethod
    def from_dict(cls, record: Mapping[str, Any], source: str = "the settings") -> Settings:
        """Settings read back from JSON, as written by `to_dict`.

        Args:
            record: Values by name.
            source: Origin of the record, for error messages.

        Raises:
            InputError: A field is unknown, "layers" is missing, or a value has a wrong type or is not allowed.
        """
        from mi_core import InputError
        from mi_core.records import record_from_plain

        if "layers" not in record:
            raise InputError(f"{source}: layers is missing.")
        unknown = sorted(set(record) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise InputError(f"{source}: {unknown[0]!r} is not a setting that this version of mi knows.")
        values = dict(record)
        if isinstance(name := values.get("backend"), str):
            values["backend"] = RENAMED.get(name, name)  # a run of an earlier version
        return record_from_plain(values, cls, f"{source} cannot be used")


def data_name(source: str) -> str:
    """Name of a data set in lower case, such as mnist for MNIST; a path stays as it is, even one that looks like a name."""
    from pathlib import Path

    is_name = source in DATA_NAMES or (source.lower() in DATA_NAMES and not Path(source).expanduser().exists())
    return source.lower() if is_name else source


def added_to(settings: Settings, number: int) -> list[int]:
    """The earlier hidden layers, counted from 1, whose outputs are added to that of hidden layer `number`.

    Figures 2 and 3 of the paper. Layers are added only where their widths are equal: the first and last are twice as wide.
    """
    ends = (1, settings.hidden)
    earlier = set()
    if "shortcut" in settings.arch and number == settings.hidden:
        earlier.add(1)
    same_width = number > 2 and (number in ends) == (number - 2 in ends)
    if "resnet" in settings.arch and same_width and (settings.residual == "running-sums" or number % 2 == 0):
        earlier.add(number - 2)
    return sorted(earlier)
