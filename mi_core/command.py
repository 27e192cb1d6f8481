"""The entry of the `mi` command, which finds this project's packages whatever else has their names.

`cli` and `trainer` are names that a user's own files may have, in a folder on PYTHONPATH. Once this module is imported, they
are looked for beside `mi_core` and nowhere else, and so is `benchmarks`, which a clone of the repository has. A process that
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
        """Where a package of this project is; None for all other names.

        Raises:
            ModuleNotFoundError: It is not beside `mi_core`, as `benchmarks` is not where a wheel was installed.
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
