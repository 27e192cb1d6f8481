"""Common path of every estimate: search and estimate, error bar, results for one or several k.

    prepared samples, a method, settings
         |
    Estimation: method(sides, search) -> local terms for each k        the method on parts of the samples, quietly
         |                                                                  |
    results: in the requested unit, with notes              <-        standard error, sizes, shuffles

A method takes sides and a `Search` and returns one `Local` for each k; `take(sides, rows)` selects some of the samples.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from mi_core import _notes, arguments, clock, uncertainty
from mi_core._estimators import WITHOUT_NEIGHBOURS, Local, Search
from mi_core._formula import NATS_PER_UNIT
from mi_core._prepare import Prepared
from mi_core.arguments import Settings
from mi_core.results import Estimate
from mi_core.sampling import DEFAULT_ORDER, FEWEST_PARTS, INDEPENDENT, Sampling
from mi_core.types import FloatArray, IntArray

Sides = TypeVar("Sides")
Result = TypeVar("Result", bound=Estimate)


def orders(k: int | Sequence[int] | None, estimator: str, n_samples: int, usual: int = DEFAULT_ORDER) -> tuple[int, ...]:
    """Neighbour orders to search, empty for an estimator without neighbours; None means the default.

    Raises:
        InputError: An order cannot be used, or several are given to an estimator that ignores k.
    """
    if estimator in WITHOUT_NEIGHBOURS:
        arguments.check_single(k, estimator)
        return ()
    return arguments.neighbour_orders(usual if k is None else k, n_samples)


def one_or_all(results: list[Result], k: int | Sequence[int] | None) -> Result | list[Result]:
    """Return one result if one k was requested, else all of them in the order of k."""
    return results if arguments.is_several(k) else results[0]


class Estimation(Generic[Sides]):
    """Quantity to estimate, from all samples and from some of them.

    Args:
        method: Function (sides, search) -> local terms, one for each k.
        sides: Samples as the method takes them.
        take: Function (sides, rows) -> the sides of some samples.
        n_samples: Number of samples.
        ks: Neighbour orders.
        settings: Checked options.
        smaller_set: Size of the smaller of two sets of samples stacked one below the other; None for one set.
        n_rows: Number of rows of both sets.
        sampling: How the samples were drawn.
        rows: (n_samples,) the caller's row of each sample; None if they are in the caller's order.
        also: Other neighbour orders whose estimates from all samples will be needed; one search serves all.
    """

    def __init__(
        self,
        method: Callable[[Sides, Search], list[Local]],
        sides: Sides,
        take: Callable[[Sides, IntArray], Sides],
        n_samples: int,
        ks: tuple[int, ...],
        settings: Settings,
        *,
        smaller_set: int | None = None,
        n_rows: int | None = None,
        sampling: Sampling = INDEPENDENT,
        rows: IntArray | None = None,
        also: tuple[int, ...] = (),
    ) -> None:
        self.method, self.sides, self.take, self.ks, self.settings = method, sides, take, ks, settings
        self.n_samples, self.smaller_set, self.n_rows = n_samples, smaller_set, n_rows or n_samples
        self.sampling, self.rows, self.also = sampling, rows, also
        self.search = Search(ks, settings.backend, settings.threads, settings.progress, settings.alpha, settings.scheduler)
        self.nats = NATS_PER_UNIT[settings.units]

    @functools.cached_property
    def found_in_all(self) -> list[Local]:
        """Local terms from all samples, for each k and each other order."""
        return self.method(self.sides, dataclasses.replace(self.search, ks=self.ks + self.also))

    @property
    def found(self) -> list[Local]:
        """Local terms from all samples, for each k."""
        return self.found_in_all[: max(1, len(self.ks))]

    @property
    def estimates_also(self) -> list[tuple[int, float]]:
        """Other orders than k, and their estimates from all samples in the requested unit."""
        return [(k, local.mean / self.nats) for k, local in zip(self.also, self.found_in_all[len(self.ks) :], strict=True)]

    def means(self, sides: Sides, ks: Sequence[int] | None = None, *, may_tie: bool | None = None) -> FloatArray:
        """Estimates in the requested unit from other samples, or for other k; `may_tie` as in `Search`."""
        quiet = dataclasses.replace(self.search, ks=self.ks if ks is None else tuple(ks), progress=None, may_tie=may_tie)
        return np.array([local.mean for local in self.method(sides, quiet)]) / self.nats

    def on_rows(self, rows: IntArray) -> FloatArray:
        """Estimates in the requested unit from some of the samples, of which ties are known from all."""
        return self.means(self.take(self.sides, rows), may_tie=self.found[0].may_tie)

    @functools.cached_property
    def on_parts(self) -> list[tuple[int, float] | None]:
        """Size of parts of the samples, and the mean estimate on them, for each k; None where the samples are too few.

        The parts are those of the error bar, which cost nothing, or halves where those hold few samples for k, or where samples
        belong together.
        """
        bar = self.error_bar
        if bar is not None and self.sampling is INDEPENDENT and uncertainty.are_ample(bar.part_size, self.ks):
            return [(bar.part_size, float(mi)) for mi in bar.of_parts]
        sizes = uncertainty.over_sizes(
            self.on_rows, self.n_samples, self.ks, self.settings.seed, uncertainty.HALVES, sampling=self.sampling
        )
        return [(of_one[0].n_samples, of_one[0].mi) if of_one else None for of_one in sizes]

    @property
    def errors(self) -> FloatArray | None:
        """Standard error for each k; None if not requested, or if parts of the samples are too small."""
        return None if self.error_bar is None else self.error_bar.stderr

    @functools.cached_property
    def error_bar(self) -> uncertainty.ErrorBar | None:
        """Error bar of each k; None if not requested, or if parts of the samples are too small."""
        if not (self.settings.error_bar or self.settings.diagnose):
            return None
        found = uncertainty.error_bar(
            self.on_rows,
            self.n_rows,
            self.ks,
            self.settings.seed,
            smaller_set=self.smaller_set,
            has_classes=isinstance(self.sides, Prepared) and bool(self.sides.classes or self.sides.given_classes),
            sampling=self.sampling,
        )
        if found is None or self.sampling is not INDEPENDENT:
            return found
        return found.at_least(np.array([local.error_of_mean for local in self.found]) / self.nats)

    @property
    def without_error_bar(self) -> list[str]:
        """A note that says why there is no error bar, if one was requested."""
        if not self.settings.error_bar or self.errors is not None:
            return []
        needed = FEWEST_PARTS * uncertainty.least_part(self.ks)
        return [_notes.on_no_error_bar(self.ks, self.smaller_set or self.n_samples, self.sampling, needed)]

    def in_callers_order(self, local: Local) -> FloatArray:
        """Local terms in nats, in the caller's order of the samples."""
        if self.rows is None:
            return local.nats
        rows = self.rows if local.kept is None else self.rows[local.kept]
        ordered: FloatArray = local.nats[np.argsort(rows)]
        return ordered

    def ceiling(self, local: Local) -> float | None:
        """Ceiling in the requested unit; None if there is none."""
        return None if local.ceiling is None else local.ceiling / self.nats

    def results(
        self, kind: type[Result], own: Callable[[int, Local, float], dict[str, Any]], *, is_random: bool = False
    ) -> list[Result]:
        """Make one result for each k.

        Args:
            kind: Class of the results.
            own: Function (position of k, local terms, estimate) -> the fields specific to this result, including notes.
            is_random: Whether anything other than noise and error bar was random.
        """
        found, errors, settings = self.found, self.errors, self.settings
        is_random = is_random or settings.noise > 0 or errors is not None

        def result(place: int, local: Local) -> Result:
            value = local.mean / self.nats
            terms = self.in_callers_order(local) / self.nats if settings.return_local else None
            named: dict[str, Any] = {kind.quantity: value, f"local_{kind.quantity}": terms}
            named |= own(place, local, value)
            named["notes"] = (*named["notes"], *self.without_error_bar)
            return kind(
                **named,
                units=settings.units,
                k=local.k,
                n_samples=self.n_samples,
                backend=local.backend,
                threads=settings.threads,
                noise=settings.noise,
                seed=settings.seed if is_random else None,
                seconds=clock.now() - settings.started,
                stderr=None if errors is None else float(errors[place]),
            )

        return [result(place, local) for place, local in enumerate(found)]
