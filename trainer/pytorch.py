"""Mutual information between layers of any PyTorch model, measured on demand, without side effects on the model.

    monitor = MutualInformationMonitor(model, (x_test, y_test), layers=("encoder.0", "encoder.3"))
    monitor.measure(0)
    for epoch in range(epochs):
        train_one_epoch(model)
        print(monitor.measure(epoch + 1))

Neither Keras nor TensorFlow is loaded.
"""

from __future__ import annotations

import contextlib
import operator
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.modules.batchnorm import _BatchNorm

from mi_core import InputError
from mi_core.arguments import check_names, whole_number
from mi_core.arrays import host_array
from mi_core.errors import did_you_mean
from trainer.config import Pair, Statistics
from trainer.layer_names import Place, heard_at, parts_of, place_of
from trainer.measured_data import arrays_of, leaves, mapped
from trainer.measurement import Measurement, MeasurementOptions
from trainer.table import Row

Forward = Callable[[torch.nn.Module, Any], Any]
"""Function (model, inputs of one batch) -> output of the model."""

DEFAULT_BATCH = 1_000
PARALLEL = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
COMPILED = "_orig_mod"  # where torch.compile keeps the model
CHANNELS_FIRST = (torch.nn.modules.conv._ConvNd, torch.nn.BatchNorm1d, torch.nn.modules.pooling._MaxPoolNd, torch.nn.AvgPool1d)


class MutualInformationMonitor:
    """Measures MI between layers of a PyTorch model whenever `measure` is called.

    Training is not affected: the final weights are bit-identical with and without the monitor. When a measurement ends, even by
    an error, hooks are removed, and the training or evaluation mode of each module, gradients, buffers and random-generator
    states are as before. Measurements go into `rows`, and into `table` if one is named.

    Args:
        model: Model on any device, compiled or not, in any precision; None to set it later, with `attach`.
        data: Samples to measure on, arrays or tensors: x, or (x, labels), with which the error is measured too. Labels are
            (n_samples,) classes or one-hot, or the target numbers of a regression. Several inputs are a list, for
            `model(*inputs)`, or a dict, for `model(**inputs)`, which may hold the labels under "labels". A DataLoader or
            Dataset of these works too; all of it is read.
        layers: Names of modules, as in `model.named_modules()`, all pairs of which are measured, or pairs of names; "input" is
            the samples themselves, "labels" the classes or targets. "act:1" is the second call of a module, "lstm[0]" the first
            of the arrays that a module returns, "encoder[last_hidden_state]" the one under this key.
        forward: Function (model, inputs) -> output that calls the model; None (default) to call it as described for `data`.
        batch_size: Maximum number of samples in one call of the model. "batch" statistics are those of equal parts no larger
            than this.
        **options: Options of the Keras callback, `trainer.MutualInformationCallback`: k, every, null_every, bn, samples, seed,
            units, backend, estimator, standardize, noise, reduce, lower_bound, also, also_every, groups, series, exclude,
            positions, name, table, save_activations, quiet. Where positions are not flattened, the units of images and feature
            maps (samples, channels, height, width) are the channels, and those of arrays (samples, positions, units) the last
            axis, except for those of one-dimensional convolutions, normalisation and pooling.

    Attributes:
        rows: The rows so far, one per epoch, pair, statistics, standardisation and k.
        indices: (n_samples,) indices of the measured samples, ascending.

    Raises:
        InputError: An argument or the data cannot be used, or the model has no such layer.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Tanh(), torch.nn.Linear(2, 2))
        >>> monitor = MutualInformationMonitor(model, torch.randn(500, 3), layers=("0", "1"))
        >>> logged = monitor.measure(0)
        >>> logged["mi_0_1"] == monitor.rows[0].mi
        True
    """

    def __init__(
        self,
        model: torch.nn.Module | None,
        data: Any,
        layers: Sequence[str] | Sequence[Pair],
        *,
        forward: Forward | None = None,
        batch_size: int = DEFAULT_BATCH,
        **options: Unpack[MeasurementOptions],
    ) -> None:
        check_names(options, MeasurementOptions, "MutualInformationMonitor")
        if not (forward is None or callable(forward)):
            raise InputError(f"forward is {forward!r}: give a function (model, inputs) -> output.")
        x, labels = arrays_of(data, labels_among_inputs=True)
        if other := next((array.dtype for array in leaves(x) if array.dtype.kind not in "biufc"), None):
            raise InputError(f"data has dtype {other}: give numbers, as the model takes them.")
        self.measurement = Measurement(len(leaves(x)[0]), labels, layers, **options)
        self.x = mapped(lambda array: array[self.indices], x)
        self.batch_size, self.forward = whole_number(batch_size, "batch_size", at_least=1), forward
        self.probe: Probe | None = None
        self.begun = False
        if model is not None:
            self.attach(model)

    @property
    def rows(self) -> list[Row]:
        """The rows so far, one per epoch, pair, statistics and k."""
        return self.measurement.rows

    @property
    def indices(self) -> NDArray[np.int64]:
        """(n_samples,) indices of the measured samples, ascending."""
        return self.measurement.indices

    def attach(self, model: torch.nn.Module, *, continues: bool = False) -> None:
        """Set the model to measure, when its training begins or continues.

        Args:
            model: Model on any device, compiled or not, in any precision.
            continues: Whether its training continues. Rows of earlier epochs are then kept, even within the first epoch. A
                first measurement of epoch 2 or later continues a training in any case.

        Raises:
            InputError: `model` is not a torch.nn.Module, or has no such layer.
        """
        if not isinstance(model, torch.nn.Module) or isinstance(model, torch.jit.ScriptModule):
            raise InputError(
                f"model is {type(model).__name__}: give a torch.nn.Module, and in place of a script the module that it was "
                "made from."
            )
        self.probe = Probe(model, self.measurement.layers, self.batch_size, self.forward)
        self.begun, self.continues = False, continues

    def measure(self, epoch: int, /, **logs: Any) -> dict[str, float]:
        """Measure if `every` includes the epoch.

        Args:
            epoch: Epochs trained so far; 0 before training.
            **logs: Numbers to keep in the rows, such as loss=0.3.

        Returns:
            One estimate per pair, such as "mi_encoder.0_encoder.3", for the first of several statistics and k; "error", the
            share of wrong labels; and "mi_seconds", the time taken. Empty if the epoch is not due.

        Raises:
            InputError: A layer returns no array or several, an argument does not fit the layers, or the table holds the rows of
                another training. A first measurement before training, of epoch 0, finds all of these.
        """
        epoch = whole_number(epoch, "epoch", at_least=0)
        if self.probe is None:
            raise InputError("no model is named: call attach(model) first.")
        if not self.begun:
            self.begun = True
            self.measurement.begin(max(epoch - 1, 0), normalises=self.probe.normalises, continues=self.continues)
        return self.measurement.measure(epoch, self._read, {name: number(value) for name, value in logs.items()})

    def say_notes(self) -> None:
        """Print the notes of `rows` to stderr, each once."""
        self.measurement.end()

    def _read(self, statistics: Statistics) -> tuple[Mapping[str, Any], NDArray[Any] | None]:
        """Activations by name, including the input, and the output of a model that has a single one."""
        assert self.probe is not None  # noqa: S101 - named when it measures
        units_last = self.measurement.positions != "flatten"
        activations, output = self.probe(self.x, statistics, units_last=units_last)
        given = torch.from_numpy(np.ascontiguousarray(the_input(self.x)))
        if units_last and given.ndim > 3:  # images, whose channels come first
            given = given.movedim(1, -1)
        device = next((values.device for values in activations.values()), given.device)
        return activations | {"input": given.to(device)}, output


class Probe:
    """Reads layers of a PyTorch model.

    Args:
        model: Any module.
        names: Names of the layers to read, as in `MutualInformationMonitor`.
        batch_size: Maximum number of samples in one call.
        forward: Function that calls the model; None to call it as its input implies.

    Raises:
        InputError: The model has no layer of that name, or its weights are not initialised yet.
    """

    def __init__(self, model: torch.nn.Module, names: Sequence[str], batch_size: int, forward: Forward | None = None) -> None:
        self.model = unwrapped(model)
        modules = {plain(name): module for name, module in self.model.named_modules(remove_duplicate=False) if name}
        self.places = {name: place_of(name, modules) for name in names}
        for place in self.places.values():
            if place.layer not in modules:
                raise InputError(
                    f"the model has no layer {place.layer!r}: it has {', '.join(modules)}{did_you_mean(place.layer, modules)}"
                )
        self.layers = {place.layer: modules[place.layer] for place in self.places.values()}
        self.batch_size = batch_size
        self.forward = forward or as_the_input_says
        lazy = [name for name, one in self.model.named_parameters() if isinstance(one, torch.nn.UninitializedParameter)]
        if lazy:
            raise InputError(f"{lazy[0]} has no values yet: call the model once, then measure.")

    @property
    def normalisations(self) -> list[torch.nn.Module]:
        """Batch normalisation that is not frozen; frozen means in evaluation mode while the model is in training mode."""
        found: list[torch.nn.Module] = [module for module in self.model.modules() if isinstance(module, _BatchNorm)]
        return [module for module in found if module.training] if self.model.training else found

    @property
    def normalises(self) -> bool:
        """Whether the two statistics differ."""
        return any(module.running_mean is not None for module in self.normalisations)

    def __call__(
        self, x: Any, bn: Statistics, *, units_last: bool = False
    ) -> tuple[dict[str, torch.Tensor], NDArray[Any] | None]:
        """Activations by name, (n_samples, ...) on the model's device, and the model's output; None if it is not a single one.

        Args:
            x: Inputs: a NumPy array, or a list or dict of these.
            bn: Statistics of batch normalisation. "inference" takes the moving averages; "batch" those of each call's own
                samples, which leave the averages as they are. Dropout and the like stay off.
            units_last: Whether channels of feature maps become the last axis.
        """
        n_samples = len(leaves(x)[0])
        pieces = []
        for part in np.array_split(np.arange(n_samples), -(-n_samples // self.batch_size)):
            inputs = mapped(self._taken, mapped(operator.itemgetter(slice(part[0], part[-1] + 1)), x))
            with self._as_it_was(), self._listening(bn) as heard:
                output = self.forward(self.model, inputs)
            some = {name: self._read(place, heard[place.layer], len(part)) for name, place in self.places.items()}
            pieces.append((some, the_output(output)))
        activations = {name: torch.cat([some[name] for some, _ in pieces]) for name in self.places}
        if units_last:
            activations = {name: self._units_last(self.places[name], values) for name, values in activations.items()}
        outputs = [output for _, output in pieces if output is not None]
        return activations, np.concatenate(outputs) if len(outputs) == len(pieces) else None

    def _taken(self, values: NDArray[Any]) -> torch.Tensor:
        """Samples on the device of the model, with floats in its precision."""
        tensor = torch.from_numpy(np.ascontiguousarray(values))
        weights = next((one for one in self.model.parameters() if one.is_floating_point()), None)
        if weights is None:
            return tensor
        is_cast = tensor.is_floating_point() and weights.dtype.is_floating_point
        return tensor.to(weights.device, weights.dtype if is_cast else None)

    def _read(self, place: Place, calls: Sequence[Any], n_samples: int) -> torch.Tensor:
        values: torch.Tensor = heard_at(place, calls, n_samples)
        return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values

    def _units_last(self, place: Place, values: torch.Tensor) -> torch.Tensor:
        """Values of a layer with its units as the last axis, (n_samples, ..., units)."""
        is_first = values.ndim > 3 or (values.ndim == 3 and isinstance(self.layers[place.layer], CHANNELS_FIRST))
        return values.movedim(1, -1) if is_first else values

    @contextlib.contextmanager
    def _listening(self, bn: Statistics) -> Iterator[dict[str, list[Any]]]:
        """Context that records the outputs of modules, call by call, with batch normalisation on the statistics asked for."""
        heard: dict[str, list[Any]] = {name: [] for name in self.layers}
        with contextlib.ExitStack() as stack:
            normalisations = self.normalisations if bn == "batch" else []
            for module in self.model.modules():
                stack.enter_context(replaced(module, training=False))
            for module in normalisations:  # whose averages, as buffers, are copies meanwhile
                stack.enter_context(replaced(module, training=True))
            for name, module in self.layers.items():
                stack.enter_context(hooked(module, heard[name]))
            yield heard

    @contextlib.contextmanager
    def _as_it_was(self) -> Iterator[None]:
        """Context without gradients, without compiled code, which runs no hooks, and without fused Transformer layers, which
        may run none or give nested tensors. At its end, random-generator states and buffers are as before.
        """
        of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the generator of other people's code
        devices = {one.device for one in self.model.parameters()}
        kinds = {device.type for device in devices} | {"cpu"}
        with contextlib.ExitStack() as stack:
            stack.callback(random.setstate, of_python)
            stack.callback(np.random.set_state, of_numpy)
            stack.enter_context(torch.random.fork_rng([]))  # of the host
            for kind in kinds - {"cpu"}:
                stack.enter_context(torch.random.fork_rng([one for one in devices if one.type == kind], device_type=kind))
            stack.enter_context(torch.no_grad())
            stack.callback(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled())
            torch.backends.mha.set_fastpath_enabled(False)
            if "torch._dynamo" in sys.modules:  # which is slow to load, and loaded where anything is compiled
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            for kind in kinds:
                if torch.is_autocast_enabled(kind):  # older Torch would keep weights cast without their gradient
                    stack.enter_context(torch.autocast(kind, torch.get_autocast_dtype(kind), cache_enabled=False))
            stack.enter_context(copied_buffers(self.model))
            yield


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    """The model inside wrappers of torch.compile and of data parallelism."""
    if isinstance(model, PARALLEL):
        return unwrapped(model.module)
    return unwrapped(getattr(model, COMPILED)) if hasattr(model, COMPILED) else model


def plain(name: str) -> str:
    """Name of a module without the parts that torch.compile inserts."""
    return ".".join(word for word in name.split(".") if word != COMPILED)


@contextlib.contextmanager
def replaced(module: torch.nn.Module, **values: Any) -> Iterator[None]:
    """Context in which attributes have other values, set past the module's own methods, which may do more than set them."""
    before = {name: vars(module)[name] for name in values if name in vars(module)}
    vars(module).update(values)
    try:
        yield
    finally:
        for name in values.keys() - before.keys():
            del vars(module)[name]
        vars(module).update(before)


@contextlib.contextmanager
def hooked(module: torch.nn.Module, calls: list[Any]) -> Iterator[None]:
    """Context that appends the module's outputs to `calls`, as copies, since a later layer may change them in place."""

    def tell(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
        calls.append(
            {way: array.detach().clone() for way, array in parts_of(output).items() if isinstance(array, torch.Tensor)}
        )

    handle = module.register_forward_hook(tell)
    try:
        yield
    finally:
        handle.remove()


@contextlib.contextmanager
def copied_buffers(model: torch.nn.Module) -> Iterator[None]:
    """Context in which modules have copies of their buffers, so that what is written into them is dropped."""
    before = [(module, dict(module._buffers)) for module in model.modules() if module._buffers]
    copies: dict[int, torch.Tensor] = {}
    for module, buffers in before:
        for name, buffer in buffers.items():
            if buffer is not None:
                module._buffers[name] = copies.setdefault(id(buffer), buffer.detach().clone())
    try:
        yield
    finally:
        for module, buffers in before:
            module._buffers.clear()
            module._buffers.update(buffers)


def number(value: Any) -> Any:
    """The number in a tensor of one element; anything else is returned as it is."""
    return value.item() if isinstance(value, torch.Tensor) and value.numel() == 1 else value


def as_the_input_says(model: torch.nn.Module, inputs: Any) -> Any:
    """Output of the model for one input, a list of several, or a dict of named ones."""
    if isinstance(inputs, dict):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, list | tuple) else model(inputs)


def the_output(output: Any) -> NDArray[Any] | None:
    """Output of the model as an array: the only one in it, or the one named logits; None if there is neither."""
    parts = parts_of(output)
    found = parts.get("logits", next(iter(parts.values())) if len(parts) == 1 else None)
    return None if found is None else host_array(found, "the model's output")


def the_input(x: Any) -> NDArray[Any]:
    """Input of the model as one array, one sample per row; several inputs are side by side."""
    arrays = leaves(x)
    if len(arrays) == 1:
        return arrays[0]  # type: ignore[no-any-return]
    return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)
