"""Which parameters and fields of public names their docstrings leave out. The site is not built while there are any."""

import dataclasses
import inspect
import pkgutil
import re
import sys
from typing import Any


def undocumented(thing: Any) -> set[str]:
    """Parameters of a function or of a class that readers construct, or fields of a dataclass, that no docstring describes."""
    if is_constructed(thing):
        names, options = parameters(thing.__init__ if inspect.isclass(thing) else thing)
        described_here, elsewhere = described(thing)
        return (names - described_here) | (options - described_here - elsewhere)
    fields = {field.name for field in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else set()
    return fields.difference(*(described(base)[0] for base in thing.__mro__))


def is_constructed(thing: Any) -> bool:
    """Whether this is called by readers: a function, or a class whose docstring describes what it is made of."""
    return not inspect.isclass(thing) or "\n    Args:" in (thing.__doc__ or "")


def parameters(function: Any) -> tuple[set[str], set[str]]:
    """Names of a function's own parameters, and those in a typed dictionary, as in `**options: Unpack[MIOptions]`."""
    function, names, options = inspect.unwrap(function), set(), set()
    for parameter in inspect.signature(function).parameters.values():
        if typed := re.fullmatch(r"Unpack\[(\w+)\]", str(parameter.annotation)):
            options |= set(function.__globals__[typed[1]].__annotations__)
        else:
            names.add(parameter.name)
    return names - {"self"}, options


def described(thing: Any) -> tuple[set[str], set[str]]:
    """Names that a docstring describes, and those that another one does, which it names at `**options`."""
    here: set[str] = set()
    elsewhere: set[str] = set()
    for stars, name, text in re.findall(r"^ {4}(\**)(\w+): (.*)$", inspect.getdoc(thing) or "", flags=re.MULTILINE):
        other = re.search(r"`([\w.]+)`", text)
        if stars and other:
            elsewhere = elsewhere.union(*described(named(other[1], thing)))
        else:
            here.add(name)
    return here, elsewhere


def named(name: str, beside: Any) -> Any:
    """What a docstring calls by this name: a full one, or one in the module of that docstring."""
    return pkgutil.resolve_name(name) if "." in name else getattr(sys.modules[beside.__module__], name)
