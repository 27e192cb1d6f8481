"""Printed evidence for and against an estimate: its null, its verdict, and both for fewer columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cli._output import say, say_sentence
from mi_core.display import how_bound

if TYPE_CHECKING:
    from mi_core import MIResult
    from mi_core.results import Reduction

METHODS = {
    "pca": "principal components",
    "random": "random projections",
    "cca": "shared directions",
    "LearnedDirections": "learned directions",
}


def print_trust(results: list[MIResult]) -> None:
    """Print what was asked for beside the estimate, for each k."""
    for result in results:
        lead = f"k={result.k}: " if len(results) > 1 else ""
        print_null(result, lead)
        if not hasattr(result, "reliability"):  # transfer entropy, of which there is nothing more
            continue
        is_said = len(results) == 1 and result.falls_short  # in the headline
        if result is results[0] and not is_said and (bound := result.lower_bound) is not None:  # the same for every k
            say(f"at least {bound}, {how_bound(bound)}")
        print_verdict(result, lead)
        if result.reduced is not None:
            print_reduced(result, lead, explain=result is results[0])


def print_null(result: MIResult, lead: str) -> None:
    if (null := result.null) is None:
        return
    say(
        f"{lead}{null.permutations} {how_shuffled(result)} read {null.mean:.4f} with spread {null.std:.4f} "
        f"{result.units}; p = {null.p_value:.2g}"
    )
    if result.independent_units is not None:
        say(f"{lead}after subtracting that: {float(result) - null.mean:.4f} {result.units}")


def how_shuffled(result: MIResult) -> str:
    """Name of the surrogates whose sides are as if independent."""
    if result.independent_units is None:
        return "shuffles of the pairing" if result.dim_z is None else "shuffles given Z"
    return "exchanges of whole groups" if result.exclude is None else "shifts of the series"


def print_verdict(result: MIResult, lead: str, of_what: str = "") -> None:
    if (found := result.reliability) is None:
        return
    at_least = f": at least {result.lower_bound}" if found.verdict == "not bits" and result.falls_short else ""
    say(f"{lead}verdict{of_what}: {found.verdict}{at_least}")
    for reason in found.reasons:
        say_sentence(reason, "  - ")
    columns = result.dim_x + result.dim_y + (result.dim_z or 0)
    say(f"  intrinsic dimension about {found.intrinsic_dim:.1f} of {columns}")


def all_notes(results: Iterable[Any]) -> Iterator[str]:
    """Notes on results, then notes on their estimates from fewer columns, each of which names those columns."""
    for result in results:
        yield from result.notes
        if (few := getattr(result, "reduced", None)) is not None:
            yield from (f"{fewer_columns(few, result.reduction)}: {note}" for note in few.notes)


def fewer_columns(few: MIResult, how: Reduction) -> str:
    return f"on {few.dim_x} + {few.dim_y} {METHODS[how.method]}"


def print_reduced(result: MIResult, lead: str, *, explain: bool) -> None:
    few, how = result.reduced, result.reduction
    if few is None or how is None:
        return
    error = "" if few.stderr is None else f" +- {few.stderr:.4f}"
    say(f"{lead}{fewer_columns(few, how)}: {few.mi:.4f}{error} {few.units}")
    if explain:
        say_sentence(what_it_means(how), "  ")
    print_null(few, "  ")
    halves = ", the worse of the two halves" if how.kept_x is None else ""
    print_verdict(few, "  ", f" on these {METHODS[how.method]}, not on the whole{halves}")


def what_it_means(how: Reduction) -> str:
    """Explanation of the estimate from fewer columns."""
    if how.kept_x is None or how.kept_y is None:
        return (
            "They were fitted on one half of the samples and estimated on the other, and the other way round; the "
            "number is the mean of both. The MI of what they keep is at most that of the whole; how much the rest "
            "would add is unknown."
        )
    return (
        f"They keep {how.kept_x:.0%} of the variance of X and {how.kept_y:.0%} of that of Y. The MI of what they keep "
        "is at most that of the whole; how much the rest would add is unknown."
    )
