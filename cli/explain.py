"""`mi explain`: the meaning of a kind of note, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli._output import say


def explain(
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY]...", help="Keys at the end of notes. Without one, all are listed.")
    ] = None,
) -> None:
    """Explain notes: their cause and what to do. Each note ends with its key, such as [mi explain ties].

    Example: mi explain ties dimensions
    """
    from mi_core.errors import InputError, did_you_mean
    from mi_core.explanations import EXPLANATIONS, SECTIONS
    from mi_core.text import wrapped

    words = (key.strip("[]").removeprefix("mi explain ") for key in keys or ())
    keys = [word for word in dict.fromkeys(words) if word not in ("mi", "explain")]
    for key in keys:
        if key not in EXPLANATIONS:
            raise InputError(f"there is no note {key!r}: mi explain, without a key, lists all{did_you_mean(key, EXPLANATIONS)}")
    for place, key in enumerate(keys):
        one = EXPLANATIONS[key]
        lines = [f"{key}: {one.title}", *wrapped(one.cause, "  "), *wrapped(f"What to do: {one.remedy}", "  ")]
        for line in ["", *lines] if place else lines:
            say(line)
    if not keys:
        width = max(map(len, EXPLANATIONS))
        for title, section in SECTIONS.items():
            say(title)
            for key, one in section.items():
                say(f"  {key:<{width}}  {one.title}")
