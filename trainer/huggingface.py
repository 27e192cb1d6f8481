"""Mutual information between layers of a model, measured while the Trainer of Hugging Face's transformers trains it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

from transformers.trainer_callback import TrainerCallback, TrainerControl, TrainerState
from transformers.training_args import TrainingArguments

from trainer.config import Pair
from trainer.measurement import MeasurementOptions
from trainer.pytorch import DEFAULT_BATCH, Forward, MutualInformationMonitor
from trainer.table import Row

LITTLE = 1e-6  # of an epoch, by which its count may be off
OF_TRAINING = "train_runtime"  # is logged on the whole training


class MutualInformationCallback(TrainerCallback):
    """Measures MI between layers before training and after epochs, for the `Trainer` of transformers.

    Training is not affected: see `trainer.pytorch.MutualInformationMonitor`, which takes the same arguments. Measurements go
    into `rows`, into `table` if one is named, and one number per pair into `trainer.state.log_history`. Of several training
    processes, only the first measures.

    Args:
        data: Samples to measure on: a Dataset, or a dict of arrays as the model takes them, with the labels under "labels".
        layers: Names of modules, such as "bert.encoder.layer.0[0]", all pairs of which are measured, or pairs of names.
        forward: Function (model, inputs) -> output that calls the model; None (default) for `model(**inputs)`.
        batch_size: Maximum number of samples in one call of the model.
        **options: Options of `trainer.pytorch.MutualInformationMonitor`.

    Attributes:
        rows: The rows so far, one per epoch, pair, statistics and k.

    Raises:
        InputError: An argument or the data cannot be used. Faults that depend on the layers are found when training starts.

    Example::

        Trainer(model, args, train_dataset=data, callbacks=[MutualInformationCallback(test_data, layers=("a", "b"))])
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
        self.ended = -1  # step at which the last epoch ended; -1 where what is logged is of no epoch
        self.own: list[dict[str, Any]] = []  # entries of the log made here

    @property
    def rows(self) -> list[Row]:
        """The rows so far, one per epoch, pair, statistics and k."""
        return self.monitor.rows

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Find the layers, and measure the untrained network."""
        self.ended, self.own = -1, []
        self.monitor.attach(others["model"], continues=state.global_step > 0)
        if state.global_step == 0 and state.is_world_process_zero:
            self.monitor.measure(0)

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Measure, and add the results to the log."""
        if not state.is_world_process_zero:
            return
        epoch, self.ended = epoch_of(state), state.global_step
        entries = [entry for entry in state.log_history if entry.get("epoch", 0) > epoch - 1 + LITTLE and entry not in self.own]
        found = self.monitor.measure(epoch, **{key: value for entry in entries for key, value in entry.items()})
        if found:
            self.own.append({**found, "epoch": state.epoch, "step": state.global_step})
            state.log_history.append(self.own[-1])

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **others: Any,
    ) -> None:
        """Add to the rows of an epoch what the trainer logs at its end, after the measurement."""
        if state.global_step == self.ended and logs is not None and OF_TRAINING not in logs:
            self.monitor.measurement.add_logs(epoch_of(state), logs | {"step": state.global_step})

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Print the notes to stderr."""
        self.ended = -1
        if state.is_world_process_zero:
            self.monitor.say_notes()


def epoch_of(state: TrainerState) -> int:
    """Number of the epoch that a training is in, or at the end of, counted from 1."""
    return math.ceil((state.epoch or 0) - LITTLE)
