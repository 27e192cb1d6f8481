"""Samples that stay in GPU memory for all estimates from them and from parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mi_core import arrays
from mi_core.backends.cuda.device import Array, converted, current_gpu, gpu_of, on_gpu, resident, to_device, to_host
from mi_core.types import Samples


class GpuSamples:
    """Samples (n, dim) on a GPU. Parts taken with `take` stay there; indexing copies values to the host.

    So code that reads a few samples or columns is the same for these and for NumPy arrays. If the GPU has no memory for a part,
    the part goes to the host.
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
        """Select some of the samples, like NumPy's `take`."""
        with on_gpu(self.gpu):
            try:
                return as_samples(self.array.take(to_device(rows), axis=axis))
            except MemoryError:
                return cast(Samples, self[:].take(rows, axis=axis))

    def astype(self, dtype: Any, copy: bool = True) -> Samples:
        """Convert samples to another precision, like NumPy's `astype`."""
        with on_gpu(self.gpu):
            try:
                return as_samples(converted(self.array, dtype))
            except MemoryError:
                return cast(Samples, self[:].astype(dtype, copy=copy))


def from_gpu(values: Any, name: str) -> tuple[Samples, tuple[str, ...]] | None:
    """Samples left in GPU memory, and notes, as from `arrays.samples`; None for values that the host must handle."""
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
    """Move samples to a GPU for many estimates; leave them if its memory does not suffice, as the estimate reports."""
    try:
        with on_gpu(gpu_for([samples]) if gpu is None else gpu):
            return as_samples(array_of(samples))
    except MemoryError:
        return samples


def as_samples(array: Array) -> Samples:
    """Type an array (n, dim) on a GPU as a NumPy array; it supports all that estimates on a GPU need."""
    return cast(Samples, GpuSamples(array))


def array_of(samples: Any) -> Array:
    """Samples (n, dim) on the current GPU; not copied if they are there already."""
    return to_device(samples.array if isinstance(samples, GpuSamples) else samples)


def gpu_for(parts: Sequence[Any]) -> int:
    """Index of the GPU that holds the first part in GPU memory, or else of CuPy's current GPU."""
    return next(iter(gpus_of(parts)), current_gpu())


def gpus_of(parts: Sequence[Any]) -> list[int]:
    """Indexes of the GPUs that hold the parts in GPU memory, each once, in their order."""
    return list(dict.fromkeys(part.gpu for part in parts if isinstance(part, GpuSamples)))
