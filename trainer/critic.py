"""A learned critic, for dependence that no linear direction shows.

    some samples --fit--> two small networks: f(x, y) = e_x . e_y + b(y), large where x and y belong together
                             |
                          embeddings of other samples --> a lower bound of MI, or KSG in the few directions that f uses most

The networks are Keras models, on TensorFlow, JAX or Torch. They draw random numbers from generators of their own, and leave
those of the caller alone.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Unpack

import keras
import numpy as np
from numpy.typing import NDArray

from mi_core import InputError, LowerBound, MIResult, mutual_information
from mi_core.arguments import whole_number
from mi_core.lower_bound import info_nce
from mi_core.options import MIOptions
from mi_core.progress_bar import shown
from mi_core.ranks import Ranks
from mi_core.sampling import INDEPENDENT, Groups, Sampling
from mi_core.shared_directions import Single
from mi_core.types import FloatArray, IntArray, Progress, Samples

WIDTH, LAYERS, EMBEDDING = 128, 2, 32
STEPS = 500  # of training at most; an even function of 50 columns shows after 100 to 300
LEAST_STEPS = 250
PATIENCE = 200  # steps without a better held-out score
LOOK_EVERY = 20  # steps
WARM_UP = 20  # steps
BATCH = 128  # larger ones overfit sooner
LARGE_BATCH, MANY = 256, 3_000  # where so many samples train; what is hidden among many columns is then found more surely
LEARNING_RATE = 4e-3
# Per unit of learning rate: makes the networks forget what few samples say by chance. Three bits in 3 of 50 columns, 2,000
# samples to train on, read 1.5 with 0.1 and 2.6 with 4.
WEIGHT_DECAY = 4.0
HELD_OUT = 5  # one of so many rows is
LOOKED_AT = 2_000  # of these rows at most
STRETCHES = 10  # in which these rows lie, so that most of what belongs together is not parted
SCALES = (0.25, 0.5, 0.75, 1.0, 1.25)  # of the score
CLEARLY = 2.0  # standard errors by which the critic must beat none on held-out samples
LARGEST_INPUT = 4.0
LEAST_SHARE = 0.05  # of what the strongest direction has in the score; weaker ones change KSG by 0.01 bits at most
TRAINING = "training two networks"
KEPT = 2  # critics: one for each half


class Scaler:
    """Map of columns to normal scores of variance 1, by their ranks among the fitted samples; constant columns become 0.

    Args:
        points: (n, dim) samples to fit.
    """

    def __init__(self, points: Samples) -> None:
        self.points = points
        scores = Ranks(points).scores()
        self.mean, spread = scores.mean(axis=0), scores.std(axis=0)
        self.gain = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)

    def __call__(self, points: Samples) -> Single:
        """Network inputs (n, dim) for some samples."""
        n = len(self.points)
        scores = Ranks(np.concatenate([self.points, points])).scores(np.arange(n))[n:]
        inputs: Single = ((scores - self.mean) * self.gain).clip(-LARGEST_INPUT, LARGEST_INPUT)
        return inputs


def encoder(name: str, dim: int, outputs: int) -> keras.Model:
    """A small dense network from the columns of one side to its embedding."""

    def dense(layer: str, units: int, activation: str | None = None) -> Any:
        return keras.layers.Dense(units, activation, kernel_initializer="zeros", dtype="float32", name=f"{name}_{layer}")

    inputs = hidden = keras.Input((dim,), dtype="float32", name=f"{name}_input")
    for number in range(1, LAYERS + 1):
        hidden = dense(f"dense_{number}", WIDTH, "gelu")(hidden)
    return keras.Model(inputs, dense("embedding", outputs)(hidden), name=name)


def encoders(dim_x: int, dim_y: int) -> keras.Model:
    """Trainable model: embeddings of x (n, EMBEDDING) beside those of y (n, EMBEDDING) with b(y) as one more column."""
    of_x, of_y = encoder("critic_x", dim_x, EMBEDDING), encoder("critic_y", dim_y, EMBEDDING + 1)
    together = keras.layers.Concatenate(dtype="float32", name="critic_both")([of_x.output, of_y.output])
    networks = keras.Model([of_x.input, of_y.input], together, name="critic")
    rise_and_fall = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / WARM_UP, STEPS - WARM_UP, warmup_target=LEARNING_RATE, warmup_steps=WARM_UP
    )
    optimizer = keras.optimizers.AdamW(rise_and_fall, weight_decay=WEIGHT_DECAY, name="critic_optimizer")
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(networks.trainable_variables)  # now, as the first step would be traced twice
    backend = keras.backend.backend()
    networks.compile(
        optimizer,
        loss=loss,
        auto_scale_loss=False,  # all is float32, whatever policy the caller has chosen
        jit_compile=backend == "jax",  # TensorFlow would compile for longer than it trains, and JAX does nothing without
        steps_per_execution=LOOK_EVERY if backend == "tensorflow" else 1,  # saves a third of its time; the others gain nothing
    )
    return networks


def loss(_: Any, both: Any) -> Any:
    """Cross-entropy (n,) of finding each sample's partner in a batch, the mean of x finding y and y finding x.

    Source: van den Oord et al. 2018, arXiv:1807.03748, eq. (4).
    """
    x, y, of_y = both[:, :EMBEDDING], both[:, EMBEDDING:-1], both[:, -1:]
    scores = keras.ops.matmul(x, keras.ops.transpose(y)) + keras.ops.transpose(of_y)
    to_y, to_x = keras.ops.logsumexp(scores, axis=1), keras.ops.logsumexp(scores, axis=0)
    return (to_y + to_x) / 2 - keras.ops.diagonal(scores)


def start(networks: keras.Model, rng: np.random.Generator) -> None:
    """Reset the networks: draw weights as in He et al. 2015, arXiv:1502.01852, eq. (10), with small embeddings."""
    for variable in networks.trainable_variables:
        gain = 0.0 if len(variable.shape) == 1 else 0.3 if "embedding" in variable.path else np.sqrt(2)
        variable.assign(gain / np.sqrt(variable.shape[0]) * rng.standard_normal(variable.shape, dtype=np.float32))
    for variable in networks.optimizer.variables:
        variable.assign(np.zeros(variable.shape, dtype=variable.dtype))


class Turns:
    """Lock that lets one thread at a time use networks whose weights others may set. Each copy, pickled or not, has its own."""

    def __init__(self) -> None:
        self.lock = threading.RLock()

    def __enter__(self) -> None:
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()

    def __reduce__(self) -> tuple[type[Turns], tuple[()]]:
        return Turns, ()


@dataclasses.dataclass(frozen=True, eq=False)
class Critic:
    """Score of how well x and y match: the inner product of two embeddings.

    Attributes:
        scale_x: Map from samples of x to inputs of the networks; `scale_y` likewise.
        networks: Both encoders, shared with other critics.
        weights: Trained weights of the networks.
        scale: Scale of the score; 0 where held-out samples show no dependence.
        turns: Lock for the threads that use the networks.
    """

    scale_x: Scaler
    scale_y: Scaler
    networks: keras.Model
    weights: list[Single]
    scale: float
    turns: Turns

    def __call__(self, x: Samples, y: Samples) -> tuple[FloatArray, FloatArray]:
        """Embeddings (n, EMBEDDING + 1) of x and of y."""
        of_x, of_y = self.unscaled(x, y)
        return self.scale * of_x, of_y

    def unscaled(self, x: Samples, y: Samples) -> tuple[FloatArray, FloatArray]:
        """Embeddings as learned, before the scale is applied."""
        inputs = [self.scale_x(x), self.scale_y(y)]
        with self.turns:
            self.networks.set_weights(self.weights)
            return embedded(self.networks, inputs)


def embedded(networks: keras.Model, inputs: list[Single]) -> tuple[FloatArray, FloatArray]:
    """Embeddings (n, EMBEDDING + 1) of x, with a column of ones, and of y, with b(y) in its place."""
    both = networks.predict_on_batch(inputs).astype(np.float64)
    of_x, of_y = both[:, :EMBEDDING], both[:, EMBEDDING:]
    return np.column_stack([of_x, np.ones(len(both))]), of_y


def fit_critic(
    networks: keras.Model,
    x: Samples,
    y: Samples,
    rng: np.random.Generator,
    groups: IntArray | None = None,
    progress: Progress | None = None,
    turns: Turns | None = None,
) -> Critic:
    """Train a critic. A fifth of the samples is held out, and decides when to stop and how far to trust the score.

    Args:
        networks: Encoders for as many columns as x and y have, trained from scratch.
        x: (n, dim_x) samples, `y` (n, dim_y) their partners.
        rng: Generator of the initial weights and the order of batches.
        groups: (n,) group numbers, ascending, of samples that must not be split; None where samples are independent.
        progress: Called with (steps done, steps in all).
        turns: Of those that use the networks.
    """
    is_held_out = held_out(len(x), groups)
    scale_x, scale_y = Scaler(x[~is_held_out]), Scaler(y[~is_held_out])
    inputs = [scale_x(x), scale_y(y)]
    looked_at = np.flatnonzero(is_held_out)[:: 1 + is_held_out.sum() // LOOKED_AT]
    training, rest = ([side[rows] for side in inputs] for rows in (~is_held_out, looked_at))
    start(networks, rng)
    looks = Looks(rest, progress)
    networks.fit(
        batches(training, rng.spawn(1)[0]),  # TensorFlow draws ahead, in a thread
        steps_per_epoch=LOOK_EVERY,
        epochs=STEPS // LOOK_EVERY,
        shuffle=False,
        verbose=0,
        callbacks=[looks],
    )
    training.clear()  # as TensorFlow keeps what gave the batches
    networks.set_weights(looks.weights)
    sampling = INDEPENDENT if groups is None else Groups(groups[looked_at])
    scale = scale_of(*embedded(networks, rest), sampling)
    return Critic(scale_x, scale_y, networks, looks.weights, scale, turns or Turns())


def held_out(n: int, groups: IntArray | None = None) -> NDArray[np.bool_]:
    """(n,) mask of the held-out rows: about a fifth, in whole groups or, without groups, in stretches of consecutive rows."""
    if groups is None:
        groups = np.arange(n) // max(1, n // (HELD_OUT * STRETCHES))
    numbers, number = np.unique(groups, return_inverse=True)
    every = min(HELD_OUT, max(2, len(numbers) // 2))
    rows: NDArray[np.bool_] = number % every == every // 2
    return rows


class Looks(keras.callbacks.Callback):
    """Early stopping: keeps the weights that score best on held-out samples, and stops when the score no longer rises.

    Args:
        rest: Held-out inputs of both sides.
        progress: Called with (steps done, steps in all).

    Attributes:
        weights: Best weights so far; at first the initial ones.
    """

    weights: list[Single]

    def __init__(self, rest: list[Single], progress: Progress | None) -> None:
        super().__init__()
        self.rest, self.progress = rest, progress
        self.best, self.best_step = -np.inf, 0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Keep the initial weights."""
        self.weights = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score the held-out samples, after each `LOOK_EVERY` steps."""
        step = (epoch + 1) * LOOK_EVERY
        if self.progress is not None:
            self.progress(step, STEPS)
        of_x, of_y = embedded(self.model, self.rest)
        score = max(float(info_nce(scale * of_x, of_y).mean()) for scale in (0.5, 1.0))
        if score > self.best:
            self.best, self.best_step, self.weights = score, step, self.model.get_weights()
        self.model.stop_training = step >= LEAST_STEPS and step - self.best_step >= PATIENCE


def batches(training: list[Single], rng: np.random.Generator) -> Iterator[tuple[tuple[Single, Single], Single]]:
    """Batches of both sides with an unused target, shuffled anew for each pass, until `training` is emptied."""
    n = len(training[0])
    batch = LARGE_BATCH if n >= MANY else min(BATCH, n)
    unused = np.zeros((batch, 1), dtype=np.float32)
    passes = (rows for _ in itertools.count() for rows in rng.permutation(n)[: n - n % batch].reshape(-1, batch))
    while sides := list(training):
        rows = next(passes)
        y, x = sides.pop()[rows], sides.pop()[rows]
        yield (x, y), unused


def scale_of(of_x: FloatArray, of_y: FloatArray, sampling: Sampling) -> float:
    """Scale of the score at which held-out embeddings bound MI best; 0 where no bound is clearly above 0."""
    best, chosen = 0.0, 0.0
    if sampling.units == 1:  # which tells nothing of how much others differ
        return chosen
    for scale in SCALES:
        terms = info_nce(scale * of_x, of_y)
        if terms.mean() > max(best, CLEARLY * sampling.error_of_mean(terms, np.arange(len(terms)))):
            best, chosen = float(terms.mean()), scale
    return chosen


class LearnedCritic:
    """Critic of two small networks, for a lower bound of MI: `mutual_information(x, y, lower_bound=LearnedCritic())`.

    A fit is not repeated for the samples fitted last, so that a bound and `LearnedDirections` can share one critic. Several
    threads may use one critic; they take turns.

    Args:
        progress: Called with (training steps done, steps in all) for each half.
    """

    kind = "learned"

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress
        self.networks: dict[tuple[int, int], keras.Model] = {}
        self.fits: dict[bytes, Critic] = {}
        self.turns = Turns()

    def fit(self, x: Samples, y: Samples, rng: np.random.Generator, groups: IntArray | None = None) -> Critic:
        """Return a critic trained on samples x (n, dim_x) and their partners y (n, dim_y), with none of `groups` (n,) split."""
        key = hashlib.sha256(repr((rng.bit_generator.state, x.shape, y.shape, x.dtype, y.dtype)).encode())
        for part in (x, y) if groups is None else (x, y, groups):
            key.update(np.ascontiguousarray(part).data)
        place = key.digest()
        with self.turns:
            if place not in self.fits:
                if len(self.fits) >= KEPT:
                    self.fits.pop(next(iter(self.fits)))
                dims = x.shape[1], y.shape[1]
                if dims not in self.networks:
                    self.networks = {dims: encoders(*dims)}  # compiling takes as long as training, and halves share it
                self.fits[place] = fit_critic(self.networks[dims], x, y, rng, groups, self.progress, self.turns)
            return self.fits[place]


class LearnedDirections:
    """Cross-fitted reducer for `mutual_information(x, y, reduce=LearnedDirections(8))`: KSG on half of the samples, in the
    directions that a critic trained on the other half uses most.

    With `permutations`, both halves are trained anew for every shuffle, which takes seconds each time.

    Args:
        dim: Maximum number of columns per side.
        critic: Critic to train; one that also gives the lower bound is trained once for both.

    Raises:
        InputError: `dim` is not a possible number of columns.
    """

    def __init__(self, dim: int = 8, critic: LearnedCritic | None = None) -> None:
        self.dim = whole_number(dim, "dim", at_least=1)
        self.critic = critic or LearnedCritic()

    def fit(
        self, x: Samples, y: Samples, rng: np.random.Generator, groups: IntArray | None = None
    ) -> Callable[[Samples, Samples], tuple[FloatArray, FloatArray]]:
        """Train on samples x (n, dim_x) and y (n, dim_y), with none of `groups` (n,) split, and return a function that reduces
        any x and y to fewer columns.
        """
        critic = self.critic.fit(x, y, rng, groups)
        to_x, to_y = strongest(*critic.unscaled(x, y), min(self.dim, x.shape[1], y.shape[1]))

        def reduced(x: Samples, y: Samples) -> tuple[FloatArray, FloatArray]:
            of_x, of_y = critic.unscaled(x, y)
            return of_x @ to_x, of_y @ to_y

        return reduced


def strongest(of_x: FloatArray, of_y: FloatArray, dim: int) -> tuple[FloatArray, FloatArray]:
    """Directions (EMBEDDING + 1, at most dim) of either embedding along which their inner product varies most.

    They are the singular functions of the score: with centred embeddings Q T of x and R S of y, Q and R orthonormal, those of Q
    (T S') R'. They do not depend on which samples are partners, so they cannot overfit the pairing. Their standard deviations
    are proportional to their shares of the score, the largest being 1. With equal ones, weak directions would count as much as
    strong ones in KSG, which then estimates 1.1 instead of 2.4 bits for three bits in 3 of 50 columns. Directions below
    `LEAST_SHARE` are left out: they are too small to matter in a distance.
    """
    t, s = (np.asarray(np.linalg.qr(side - side.mean(axis=0), mode="r")) for side in (of_x, of_y))
    left, strength, right = np.linalg.svd(t @ s.T)
    gain = np.sqrt(len(of_x)) / max(strength[0], 1e-300)
    dim = max(1, int((strength[:dim] > LEAST_SHARE * strength[0]).sum()))
    return s.T @ right[:dim].T * gain, t.T @ left[:, :dim] * gain


def learned_lower_bound(x: Any, y: Any, **options: Unpack[MIOptions]) -> LowerBound:
    """Lower bound of the mutual information of x and y, by networks trained on one half of the samples and read on the other.

    Args:
        x: Samples as `mi_core.mutual_information` takes them.
        y: Samples paired with those of x, row by row.
        **options: Options of `mi_core.mutual_information`, such as seed, units, groups, series and progress.

    Raises:
        InputError: The data or an argument cannot be used.
    """
    if "lower_bound" in options:
        raise InputError("learned_lower_bound takes no option lower_bound: it sets that itself.")
    options.setdefault("error_bar", False)
    with shown(options.get("progress"), TRAINING) as told:
        options.update({"progress": None, "lower_bound": LearnedCritic(told)})
        bound = mutual_information(x, y, **options).lower_bound
    if bound is None:
        raise InputError("x or y is constant: a lower bound needs two sides with some spread.")
    return bound


def learned_mutual_information(
    x: Any, y: Any, *, k: int | Sequence[int] | None = None, **options: Unpack[MIOptions]
) -> MIResult | list[MIResult]:
    """`mutual_information(x, y)` together with a learned lower bound, and with KSG in at most 8 learned directions.

    Raises:
        InputError: The data or an argument cannot be used.
    """
    if options.get("permutations") is not None:
        raise InputError("permutations would train both networks anew for every shuffle: leave it out.")
    with shown(options.get("progress"), TRAINING) as told:
        critic = LearnedCritic(told)
        options.update({"progress": told, "lower_bound": critic, "reduce": LearnedDirections(critic=critic)})
        found: MIResult | list[MIResult] = mutual_information(x, y, k=k, **options)
        return found
