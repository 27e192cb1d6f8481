"""Labels of samples: the classes that a network should predict, or the target numbers of a regression."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mi_core import InputError, arrays
from mi_core.types import IntArray
from trainer.measured_data import is_several

SUMS_TO_ONE = 1e-3  # how far from it the probabilities of a sample's classes may add up


@dataclasses.dataclass(frozen=True)
class Labels:
    """Classes or targets.

    Attributes:
        values: (n_samples,) classes as given, one-hot ones as column numbers; or (n_samples, ...) targets.
        classes: Names of all classes, in ascending order; empty for targets.
        places: (n_samples,) index of each sample's class among all classes; None for targets.
        are_columns: Whether the classes are whole numbers from 0 on, which index the columns of a classifier's output.
    """

    values: NDArray[Any]
    classes: tuple[str, ...] = ()
    places: IntArray | None = None
    are_columns: bool = False

    def take(self, rows: IntArray) -> Labels:
        """Labels of some of the samples; the classes stay those of all."""
        return dataclasses.replace(self, values=self.values[rows], places=None if self.places is None else self.places[rows])

    def share_of_errors(self, output: NDArray[Any] | None, n_inputs: int = 0) -> float | None:
        """Share of the samples whose largest output, of (n_samples, columns), is in the column of a wrong class.

        Classes that are not numbers from 0 to columns - 1 are matched to the columns in ascending order, if there is one column
        per class.

        Args:
            output: Output of the network.
            n_inputs: Numbers per sample of its input. An output of as many columns, more than there are classes and no shares
                of classes, is the input reconstructed.

        Returns:
            The share; None where it is undefined: for targets, and for an output without one column per class.
        """
        if self.places is None or output is None or output.ndim != 2 or output.shape[1] < 2:
            return None
        if output.shape[1] == n_inputs > len(self.classes) and not are_shares(output):
            return None
        if self.are_columns and int(self.classes[-1]) < output.shape[1]:
            right = self.values
        elif len(self.classes) == output.shape[1]:
            right = self.places
        else:
            return None
        return float(np.mean(output.argmax(axis=1) != right))


def labels_of(given: Any) -> Labels:
    """Labels from an array.

    Integers, whole floats, bool and text, (n_samples,) or (n_samples, 1), are classes, and so are one-hot columns; other
    numbers are targets.

    Raises:
        InputError: There are several arrays or none, or values are not finite.
    """
    array = arrays.text_as_text(arrays.host_array(the_one(given), "labels"))
    if array.ndim == 0 or array.size == 0:
        raise InputError(f"labels has shape {array.shape}: give one for each sample, (n_samples,) or one-hot.")
    if array.dtype.kind not in "biuOUS":
        array = arrays.samples(array, "labels")[0].reshape(array.shape)
    if array.size > len(array):
        if not are_shares(array):
            return Labels(array)
        array = array.argmax(axis=1)
    array = array.reshape(len(array))
    if array.dtype.kind == "f":
        if (array % 1 != 0).any():
            return Labels(array)
        array = array.astype(np.int64)
    places, classes = arrays.classes_of(array, "labels")
    return Labels(array, classes, places, are_columns=array.dtype.kind in "iu" and int(array.min()) >= 0)


def the_one(given: Any) -> Any:
    """The only array in a list or dict; anything else is returned as it is.

    Raises:
        InputError: There are several arrays, as for a model with several outputs.
    """
    if isinstance(given, Mapping) or (isinstance(given, list | tuple) and is_several(given)):
        arrays_given = list(given.values()) if isinstance(given, Mapping) else given
        if len(arrays_given) != 1:
            raise InputError(f"data has {len(arrays_given)} arrays of labels: give one of them, as data=(x, labels).")
        return arrays_given[0]
    return given


def are_shares(array: NDArray[Any]) -> bool:
    """Whether each row holds non-negative numbers, one per class, that add up to 1."""
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        return False
    return bool((array >= 0).all() and (abs(array.sum(axis=1, dtype=np.float64) - 1) < SUMS_TO_ONE).all())
