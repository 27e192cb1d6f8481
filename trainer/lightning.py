"""Mutual information between layers of a LightningModule, measured while Lightning trains it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import lightning.pytorch as pl

from trainer.config import Pair
from trainer.measurement import MeasurementOptions
from trainer.pytorch import DEFAULT_BATCH, Forward, MutualInformationMonitor
from trainer.table import Row


class MutualInformationCallback(pl.Callback):
    """Measures MI between layers before training and after epochs, for the `Trainer` of Lightning.

    Training is not affected: see `trainer.pytorch.MutualInformationMonitor`, which takes the same arguments. The module is
    called in the precision of the training, and by only one of several processes. Measurements go into `rows`, into `table` if
    one is named, and one number per pair to the module's loggers.

    Args:
        data: Samples to measure on, with or without labels: arrays, tensors, a DataLoader or a Dataset.
        layers: Names of modules within the LightningModule, such as "encoder.0", all pairs of which are measured, or pairs of
            names.
        forward: Function (module, inputs) -> output that calls the module; None (default) for the module's own `forward`.
        batch_size: Maximum number of samples in one call of the module.
        **options: Options of `trainer.pytorch.MutualInformationMonitor`.

    Attributes:
        rows: The rows so far, one per epoch, pair, statistics and k.

    Raises:
        InputError: An argument or the data cannot be used. Faults that depend on the layers are found when training starts.

    Example::

        Trainer(max_epochs=20, callbacks=[MutualInformationCallback((x_test, y_test), layers=("encoder.0", "encoder.3"))])
    """

    def __init__(
        self,
        data: Any,
        layers: Sequence[str] | Sequence[Pair],
        *,
        forward: Forward | None = None,
        batch_size: int = DEFAULT_BATCH,
        **options: Unpack[MeasurementOptions],
    ) -> None:
        super().__init__()
        self.monitor = MutualInformationMonitor(None, data, layers, forward=forward, batch_size=batch_size, **options)
        self.logged: dict[str, float] = {}  # values of our own among the trainer's metrics

    @property
    def rows(self) -> list[Row]:
        """The rows so far, one per epoch, pair, statistics and k."""
        return self.monitor.rows

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Find the layers, and measure the untrained network."""
        self.logged = {}
        self.monitor.attach(pl_module, continues=trainer.global_step > 0)
        if trainer.global_step == 0:
            self._measure(trainer, 0)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure, and log the results under names that are still free."""
        others = {name: value for name, value in trainer.callback_metrics.items() if not self._is_own(name, value)}
        found = self._measure(trainer, trainer.current_epoch + 1, **others)
        free = {name: value for name, value in found.items() if name not in others}
        self.logged |= free
        pl_module.log_dict(free, rank_zero_only=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the notes to stderr."""
        self.monitor.say_notes()

    def _is_own(self, name: str, value: Any) -> bool:
        """Whether a metric of the trainer, in float32, is what this callback logged last under that name."""
        return name in self.logged and math.isclose(float(value), self.logged[name], rel_tol=1e-6)

    def _measure(self, trainer: pl.Trainer, epoch: int, **logs: Any) -> dict[str, float]:
        if not trainer.is_global_zero:
            return {}
        with trainer.precision_plugin.forward_context():
            return self.monitor.measure(epoch, **logs)
