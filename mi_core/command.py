"""Entry point of the `mi` command, which finds this project's packages even if other files have the same names.

A user's own files in a folder on PYTHONPATH may be named `cli` or `trainer`. Once this module is imported, these packages are
searched only beside `mi_core`, and so is `benchmarks`, which a clone of the repository has. A process that `multiprocessing`
starts for the command imports the command's script again, and so this module too.
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
    """Finder of the packages beside this one, used before all other finders."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find a package of this project; return None for all other names.

        Raises:
            ModuleNotFoundError: The package is not beside `mi_core`, such as `benchmarks` after installation from a wheel.
        """
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

if __name__ == "__main__":
    main()
