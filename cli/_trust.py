"""How `mi estimate` says what speaks for and against its number: null, verdict, and the same on fewer columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from cli._output import say

if TYPE_CHECKING:
    from mi_core import MIResult

METHODS = {"pca": "principal components", "random": "random projections"}
WIDTH = 110


def print_trust(results: list[MIResult]) -> None:
    """What was asked for beside the estimate, for each k."""
    for result in results:
        lead = f"k={result.k}: " if len(results) > 1 else ""
        print_null(result, lead)
        print_verdict(result, lead)
        if result.reduced is not None:
            print_reduced(result, lead)


def print_null(result: MIResult, lead: str) -> None:
    if (null := result.null) is not None:
        say(
            f"{lead}{null.permutations} shuffles of the pairing read {null.mean:.4f} with spread {null.std:.4f} "
            f"{result.units}; p = {null.p_value:.2g}"
        )


def print_verdict(result: MIResult, lead: str) -> None:
    if (found := result.reliability) is None:
        return
    say(f"{lead}verdict: {found.verdict}")
    for reason in found.reasons:
        for line in textwrap.wrap(reason, WIDTH, initial_indent="  - ", subsequent_indent="    "):
            say(line)
    say(f"  intrinsic dimension about {found.intrinsic_dim:.1f} of {result.dim_x + result.dim_y}")


def print_reduced(result: MIResult, lead: str) -> None:
    few, how = result.reduced, result.reduction
    if few is None or how is None:
        return
    error = "" if few.stderr is None else f" +- {few.stderr:.4f}"
    say(f"{lead}on {few.dim_x} + {few.dim_y} {METHODS[how.method]}: {few.mi:.4f}{error} {few.units}")
    lost = (
        f"They keep {how.kept_x:.0%} of the variance of X and {how.kept_y:.0%} of that of Y. The MI of what they keep is at "
        "most that of the whole; how much the rest would add, they do not tell."
    )
    for line in textwrap.wrap(lost, WIDTH, initial_indent="  ", subsequent_indent="  "):
        say(line)
    print_null(few, "  ")
    print_verdict(few, "  ")
