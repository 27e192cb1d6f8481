"""The package as users install it: its command among files of the same names, and its types."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest

from conftest import REPOSITORY

PARTS = ("mi_core", "trainer", "cli")
SHIPPED = [*PARTS, "benchmarks", "pyproject.toml", "README.md", "LICENSE"]
HOSTILE = "raise SystemExit('imported a file of the user')\n"
PROGRAM = """
import mi_core
import trainer
from mi_core import entropy, mutual_information, mutual_information_matrix, neighbour_counts

x = [0.0, 1.0, 3.0]
reveal_type(mutual_information(x, x).mi)
reveal_type(mutual_information(x, x, k=[1, 2]))
reveal_type(mutual_information(x, x, progress=True) > 0.5)
reveal_type(entropy(x).stderr)
reveal_type(neighbour_counts(x, x).radius)
reveal_type(mutual_information_matrix({"x": x}).names)
reveal_type(trainer.Settings().width)
reveal_type(trainer.load_data("digits").n_classes)
mi_core.nonsense
trainer.nonsense
mutual_information(x, x, units="bit")
"""
TYPES = [
    "float",
    "list[mi_core.results.MIResult]",
    "bool",
    "float | None",
    "numpy.ndarray[tuple[Any, ...], numpy.dtype[numpy.float64]]",
    "tuple[str, ...]",
    "int",
    "int",
]


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def environment(**more):
    """That of this process without the path on which the tests find the repository."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of what packages are built from, so that nothing is left in the repository."""
    folder = tmp_path_factory.mktemp("clone")
    ignored = shutil.ignore_patterns("__pycache__", "results")
    for name in SHIPPED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(clone, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    built = run(*pip_wheel, "--wheel-dir", str(folder), str(clone), env=environment())
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def installed_from(folder, *what):
    """The folder of the programs of an environment with the package, and with what it needs from that of the tests."""
    made = run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    assert made.returncode == 0, made.stderr
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "needed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")  # whose own .pth files are not read
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--ignore-installed", "--no-warn-script-location"]
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", *options]
    finished = run(*pip, *what, env=environment())
    assert finished.returncode == 0, finished.stderr
    return folder / "bin"


@pytest.fixture(scope="module")
def from_wheel(wheel, tmp_path_factory):
    return installed_from(tmp_path_factory.mktemp("wheel") / "environment", str(wheel))


@pytest.fixture(scope="module")
def editable(clone, tmp_path_factory):
    return installed_from(tmp_path_factory.mktemp("editable") / "environment", "--editable", str(clone))


@pytest.fixture(params=["from_wheel", "editable"])
def installed(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def hostile(tmp_path):
    """A folder with files of the user that have the names of this project's packages."""
    for name in ("cli", "trainer", "benchmarks"):
        (tmp_path / f"{name}.py").write_text(HOSTILE)
    return tmp_path


def test_a_wheel_has_the_packages_with_their_types_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == set(PARTS)
    for part in PARTS:
        assert f"{part}/py.typed" in names
    modules = {str(path.relative_to(REPOSITORY)) for part in PARTS for path in (REPOSITORY / part).rglob("*.py")}
    assert modules <= set(names)


@pytest.mark.parametrize("path", ["the folder", "."])
def test_files_of_the_same_names_do_not_break_the_command(installed, hostile, path):
    options = {"cwd": hostile, "env": environment(PYTHONPATH=str(hostile) if path == "the folder" else path)}
    for command, code in ((["--version"], 0), (["train", "--help"], 0), (["plot", "nowhere"], 2), (["bench", "speeed"], 2)):
        finished = run(str(installed / "mi"), *command, **options)
        assert finished.returncode == code, finished.stderr
        assert "imported a file of the user" not in finished.stderr


def test_a_benchmark_without_a_clone_says_so(from_wheel, hostile):
    finished = run(str(from_wheel / "mi"), "bench", "speed", cwd=hostile, env=environment(PYTHONPATH=str(hostile)))
    assert finished.stderr == "mi: mi bench needs a clone of the repository: the installed package has no benchmarks.\n"


CLUSTER = """
from mi_core import command
from distributed import Client, LocalCluster
from trainer.config import data_name

if __name__ == "__main__":
    options = {"n_workers": 1, "threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**options, processes=True, silence_logs="CRITICAL") as cluster, Client(cluster) as client:
        print(client.submit(data_name, "MNIST").result())
"""


def test_workers_that_the_command_starts_find_its_packages_too(from_wheel, hostile):
    """A worker process of a script that begins as that of `mi` does, as those of a sweep are."""
    (from_wheel / "start_worker").write_text(CLUSTER)
    command = [str(from_wheel / "python"), str(from_wheel / "start_worker")]
    finished = run(*command, cwd=hostile, env=environment(PYTHONPATH=str(hostile)))
    assert finished.stdout == "mnist\n", finished.stderr


def test_type_checkers_see_the_types(from_wheel, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache")]
    finished = run(*mypy, "--python-executable", str(from_wheel / "python"), "program.py", cwd=tmp_path, env=environment())
    lines = finished.stdout.splitlines()
    revealed = [line.split('"')[1] for line in lines if "Revealed type" in line]
    assert [one.replace("builtins.", "") for one in revealed] == TYPES
    errors = [line for line in lines if ": error:" in line]
    assert ['"nonsense"' in error for error in errors] == [True, True, False], finished.stdout
    assert "mutual_information" in errors[2]
