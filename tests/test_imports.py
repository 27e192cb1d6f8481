"""The shape of the house: imports run one way, in no circle, and what begins with an underscore stays at home."""

import ast
import graphlib

import pytest

from conftest import REPOSITORY

MAY_IMPORT = {
    "mi_core": set(),
    "trainer": {"mi_core"},
    "benchmarks": {"mi_core", "trainer"},
    "cli": {"mi_core", "trainer", "benchmarks"},
}
ENTRY = ("mi_core.command", "cli.main")  # of the `mi` command, in the one package whose name no user's file has


def modules_in(folder):
    """Path of every module below a folder's packages, by its dotted name."""
    paths = {}
    for package in MAY_IMPORT:
        for path in (folder / package).rglob("*.py"):
            parts = path.relative_to(folder).with_suffix("").parts
            paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return paths


def imports_of(name, path, modules):
    """Modules that a file names: in any import, also those inside functions, and in any text, as importlib takes it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            whole = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {whole[alias] if whole[alias] in modules else node.module for alias in whole}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value if "." in node.value else name)  # a word alone names no module
    return (found & modules.keys()) - {name}


def arrows_in(folder):
    modules = modules_in(folder)
    return {name: imports_of(name, path, modules) for name, path in modules.items()}


def against_the_direction(arrows):
    """Imports of a package that stands above, or beside."""
    top = {name: name.partition(".")[0] for name in arrows}
    return {(one, other) for one in arrows for other in arrows[one] if top[other] not in {top[one], *MAY_IMPORT[top[one]]}}


def of_others_underscores(arrows):
    """Imports of a module with an underscore by another package."""
    return {
        (one, other)
        for one in arrows
        for other in arrows[one]
        if one.partition(".")[0] != other.partition(".")[0] and any(part.startswith("_") for part in other.split("."))
    }


def first_circle(arrows):
    """Modules of a circle, each of which imports the one before; none where there is no circle."""
    try:
        graphlib.TopologicalSorter(arrows).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


@pytest.fixture(scope="module")
def arrows():
    return arrows_in(REPOSITORY)


def test_imports_run_in_no_circle(arrows):
    assert first_circle(arrows) == []


def test_imports_run_from_cli_over_trainer_to_mi_core(arrows):
    assert against_the_direction(arrows) == {ENTRY}


def test_underscores_stay_in_their_package(arrows):
    assert of_others_underscores(arrows) == set()


def test_no_module_is_named_like_a_public_function():
    """Importing it would replace the function of that name, which the package's face loads when first asked for."""
    import mi_core
    import trainer

    for package in (mi_core, trainer):
        named = {name.rpartition(".")[2] for name in modules_in(REPOSITORY) if name.startswith(f"{package.__name__}.")}
        assert not named & set(package.__all__)


@pytest.mark.parametrize(
    ("files", "check", "finds"),
    [
        ({"mi_core/a.py": "def f():\n    from mi_core import b", "mi_core/b.py": "import mi_core.a"}, first_circle, 3),
        ({"mi_core/a.py": "load('mi_core.b')", "mi_core/b.py": "from mi_core.a import f"}, first_circle, 3),
        ({"mi_core/a.py": "from trainer import b", "trainer/b.py": ""}, against_the_direction, 1),
        ({"trainer/a.py": "from benchmarks.b import f", "benchmarks/b.py": ""}, against_the_direction, 1),
        ({"cli/a.py": "def f():\n    from mi_core._b import c", "mi_core/_b.py": ""}, of_others_underscores, 1),
        ({"cli/a.py": "from mi_core import _b", "mi_core/_b.py": ""}, of_others_underscores, 1),
        ({"cli/a.py": "from mi_core.b import c", "mi_core/b.py": "import mi_core._c", "mi_core/_c.py": ""}, first_circle, 0),
    ],
)
def test_what_is_wrong_is_found(tmp_path, files, check, finds):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert len(check(arrows_in(tmp_path))) == finds
