"""Samples that stay on a GPU, so that all estimates made of them and of parts of them find them there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mi_core import arrays
from mi_core.backends.cuda.device import Array, current_gpu, gpu_of, on_gpu, resident, to_device, to_host
from mi_core.types import Samples


class GpuSamples:
    """Samples (n, dim) on a GPU. Parts of them taken by `take` stay there; what is looked at by an index comes to the host.

    So code that looks at a few samples, or at a few columns, is the same for these and for NumPy's. Where the GPU has no memory
    for a part, the host takes it.
    """

    def __init__(self, array: Array) -> None:
        self.array = array
        self.gpu = gpu_of(array)
        self.shape: tuple[int, int] = array.shape
        self.dtype: np.dtype[Any] = array.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        values: NDArray[Any]
        with on_gpu(self.gpu):
            try:
                values = to_host(self.array[to_device(index) if isinstance(index, np.ndarray) else index])
            except MemoryError:
                values = to_host(self.array)[index]
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)

    def take(self, rows: NDArray[np.integer[Any]], axis: int = 0) -> Samples:
        """Some of the samples, as NumPy's `take`."""
        with on_gpu(self.gpu):
            try:
                return as_samples(self.array.take(to_device(rows), axis=axis))
            except MemoryError:
                return cast(Samples, self[:].take(rows, axis=axis))

    def astype(self, dtype: Any, copy: bool = True) -> Samples:
        """Samples in another precision, as NumPy's `astype` gives them."""
        with on_gpu(self.gpu):
            try:
                return as_samples(self.array.astype(dtype, copy=copy))
            except MemoryError:
                return cast(Samples, self[:].astype(dtype, copy=copy))


def from_gpu(values: Any, name: str) -> tuple[Samples, tuple[str, ...]] | None:
    """Samples where they lie on a GPU, and notes, as by `arrays.samples`; None for values that the host must see to."""
    try:
        array = resident(values)
        if array is None:
            return None
        with on_gpu(gpu_of(array)):
            samples, notes = arrays.cleaned(array, name)
            return as_samples(samples), notes
    except MemoryError:
        return None


def held(samples: Samples, gpu: int | None) -> Samples:
    """Samples on a GPU, for many estimates; left as they are where its memory does not suffice, which the estimate says."""
    try:
        with on_gpu(gpu_for([samples]) if gpu is None else gpu):
            return as_samples(array_of(samples))
    except MemoryError:
        return samples


def as_samples(array: Array) -> Samples:
    """An array (n, dim) on a GPU in the guise of NumPy's, of which it can do all that estimates on a GPU ask for."""
    return cast(Samples, GpuSamples(array))


def array_of(samples: Any) -> Array:
    """Samples (n, dim) on the current GPU; not copied where they lie there already."""
    return to_device(samples.array if isinstance(samples, GpuSamples) else samples)


def gpu_for(parts: Sequence[Any]) -> int:
    """Index of the GPU that the first of the parts lies on that lies on any, or else of that which CuPy works on."""
    return next((part.gpu for part in parts if isinstance(part, GpuSamples)), current_gpu())
