"""`mi info`: installed versions, this machine's hardware, and the backends that work on it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli._output import print_facts, print_json, say


def info(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False) -> None:
    """Show versions, processor, threads, and the backends that work on this machine."""
    from mi_core import machine
    from mi_core.backends import registry

    facts, versions = machine.facts(), machine.versions()
    missing = {name: registry.unavailable(name) for name in registry.names()}
    if as_json:
        works = {name: {"works": reason is None, "reason": reason} for name, reason in missing.items()}
        print_json({**facts, "versions": versions, "backends": works})
        return
    print_facts({**versions, **facts})
    say("backends")
    print_facts({name: reason or "works" for name, reason in missing.items()})
