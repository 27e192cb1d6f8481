"""Runs that each figure of the paper needs, read from the files beside this one."""

from __future__ import annotations

import dataclasses
import itertools
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, cast, get_args

from mi_core import InputError
from mi_core.errors import did_you_mean
from trainer.config import Arch, Settings, added_to

ProfileName = Literal["smoke", "cpu", "paper"]
Figure = Literal["fig4a", "fig4b", "fig5a", "fig5b", "depths"]
FIGURES: tuple[Figure, ...] = get_args(Figure)
HOME = Path(__file__).parent
START_SECONDS = 9.0  # to build and compile a network


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Networks that one figure of the paper shows.

    Attributes:
        name: "fig4a" and so on.
        title: What the figure compares.
        varies: The setting, beside the architecture, that tells its traces apart.
        archs: Architectures.
        widths: Units of a hidden layer.
        hidden: Numbers of hidden layers.
    """

    name: str
    title: str
    varies: Literal["width", "hidden", "arch"]
    archs: tuple[Arch, ...]
    widths: tuple[int, ...]
    hidden: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Profile:
    """Profile of how the networks are trained and measured.

    Attributes:
        name: "smoke", "cpu" or "paper".
        says: Purpose of the profile.
        seeds: Number of random initialisations; the seeds are 0, 1, ...
        updates: Settings of each way to train all networks: with the whole training set at once, with mini-batches.
        extra: Settings of each way to train the networks of `extra_of` alone.
        extra_of: Their widths, and their numbers of hidden layers.
    """

    name: str
    says: str
    seeds: int
    updates: tuple[dict[str, Any], ...]
    extra: tuple[dict[str, Any], ...]
    extra_of: tuple[frozenset[int], frozenset[int]]

    def ways(self, width: int, hidden: int) -> tuple[dict[str, Any], ...]:
        """Settings of each way to train networks of a width and depth."""
        widths, depths = self.extra_of
        return self.updates + (self.extra if width in widths and hidden in depths else ())


def load_experiment(name: Figure, profile: ProfileName) -> Experiment:
    """The experiment of a figure, with the widths and depths of a profile."""
    record = _read(f"{name}.toml")
    return Experiment(
        name=name,
        title=record["title"],
        varies=record["varies"],
        archs=tuple(record["arch"]),
        widths=tuple(record["width"][profile]),
        hidden=tuple(record["hidden"][profile]),
    )


def load_profile(name: ProfileName) -> Profile:
    """A profile by its name."""
    record = _read("profiles.toml")[name]
    updates, extra = (tuple(record["common"] | way for way in record.get(kind, ())) for kind in ("updates", "extra"))
    extra_of = record.get("extra_of", {})
    widths, depths = (frozenset(extra_of.get(kind, ())) for kind in ("width", "hidden"))
    return Profile(name, record["says"], record["seeds"], updates, extra, (widths, depths))


def runs_of(experiments: Iterable[Experiment], profile: Profile, data: str | None = None) -> dict[str, Settings]:
    """The settings of all runs that the experiments need, each once, by the run's name.

    Args:
        experiments: Experiments of one profile.
        profile: Profile of training and measuring.
        data: Data set in place of the profile's, as `trainer.load_data` takes it.
    """
    runs = {}
    for experiment, seed in itertools.product(experiments, range(profile.seeds)):
        networks = itertools.product(experiment.archs, experiment.widths, experiment.hidden)
        for (arch, width, hidden), way in ((network, way) for network in networks for way in profile.ways(*network[1:])):
            settings = Settings.from_dict(
                way
                | ({} if data is None else {"data": data})
                | {"arch": arch, "width": width, "hidden": hidden, "seed": seed, "layers": [["first", "last"]]}
            )
            if added_to(settings, hidden):  # the last layer is a sum: measure what goes into it, too
                settings = dataclasses.replace(settings, layers=(("first", "last"), ("first", "last_before_sum")))
            runs[run_name(settings)] = settings
    return dict(sorted(runs.items(), key=lambda item: item[1].seed))  # a sweep that is stopped has whole seeds


def expected_seconds(settings: Settings) -> float:
    """Rough time of a run on one core of an AMD EPYC (Zen 3), Keras on JAX, without compilation. For planning."""
    n_train, n_features = (1_297, 64) if settings.data == "digits" else (60_000, 784)
    width, between = settings.width, settings.hidden - 2
    weights = 2 * width * (n_features + 10) + width**2 * (4 if between == 0 else 3 + between)
    units = width * (4 + between)
    training = settings.epochs * n_train / 60_000 * (0.2 + 4.4e-6 * weights + 1.6e-3 * units)
    every = settings.every
    times = len(every) if isinstance(every, tuple) else 1 + settings.epochs // every
    estimates = times * len(settings.layers) * len(settings.bn) * len(settings.standardize)
    return START_SECONDS + training + estimates * (0.1 + 2.5e-3 * width) * float(((settings.samples or 10_000) / 3_000) ** 1.5)


def run_name(settings: Settings) -> str:
    """Name that tells the runs of a sweep apart."""
    batch = "full" if settings.batch_size is None else f"b{settings.batch_size}"
    momentum = "" if settings.momentum == Settings.momentum else f"-m{settings.momentum:g}"
    return f"{settings.arch}-w{settings.width}-h{settings.hidden}-{batch}{momentum}-s{settings.seed}"


def figures_asked_for(names: Iterable[str]) -> tuple[Figure, ...]:
    """The figures by their names; "all" is every one.

    Raises:
        InputError: There is no such figure.
    """
    asked = tuple(names)
    for name in asked:
        if name not in (*FIGURES, "all"):
            raise InputError(
                f"there is no experiment {name!r}: name {', '.join(FIGURES)} or all{did_you_mean(name, (*FIGURES, 'all'))}"
            )
    return FIGURES if "all" in asked else cast("tuple[Figure, ...]", tuple(dict.fromkeys(asked)))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((HOME / name).read_text(encoding="utf-8"))
