"""The entry of the `mi` command, which finds this project's packages whatever else has their names.

`cli` and `trainer` are names that a user's own files may have, on PYTHONPATH or beside a worker that is started. Importing this
module makes them, and `benchmarks` in a clone of the repository, be looked for beside `mi_core` and nowhere else. A process that
`multiprocessing` starts for the command imports the command's script again, and so this module too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

HOME = str(Path(__file__).resolve().parent.parent)
OWN = ("cli", "trainer", "benchmarks")


class OwnPackages:
    """Finder of the packages beside this one, to be asked before all others."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in OWN:
            return None
        found = PathFinder.find_spec(name, [HOME])
        if found is None or found.origin is None or not found.origin.endswith("__init__.py"):
            raise ModuleNotFoundError(f"there is no package {name!r} beside mi_core in {HOME}", name=name)
        return found


def main() -> None:
    """Run the command."""
    from cli.main import app

    app()


sys.meta_path.insert(0, OwnPackages)
