"""All code that the README, the pages of docs/ and the examples show runs as printed, each program in a process of its own.

A page is read from its top: blocks of Python make one program, commands are run in their order, all in a copy of `examples`.
What cannot run here stands in a table with its reason; what stands in none is run.
"""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

from conftest import REPOSITORY, with_options

README, DOCS = REPOSITORY / "README.md", REPOSITORY / "docs"
PAGES = [
    README,
    *sorted(path for path in DOCS.glob("*.md") if path.name != "cli.md"),
]  # generated: usage lines
EXAMPLES = sorted((REPOSITORY / "examples").glob("*.py"))

NOT_RUN = {
    "make demo": "CI runs it",
    "make test": "it runs these tests",
    "python -m pip install": "needs a package index",
    "mi report reproductions/cpu": "needs the results of an hour; test_report.py makes such pages",
    "mi estimate x.npy y.npy --backend cuda": "needs a GPU; test_cuda.py runs the kernels in a simulator",
    "mi estimate x.npy y.npy --scheduler": "needs the cluster; test_cluster.py starts one",
    "mi estimate x.npy y.npy --learned": "trains for seconds; test_critic.py runs it on less",
    "import mi_core, trainer\n\nbound": "trains for seconds; test_critic.py runs the same on less",
    "mi lagged wind.npy": "needs the series that the page's program writes; test_lags.py runs it on these",
    "mi transfer w": "needs the same; test_lags.py runs it on these",
    "from trainer.pytorch import": "is one line of a program; examples/mi_of_a_pytorch_model.py is the whole",
    "mi bench known": "takes minutes to an hour; test_known.py runs it on smaller tasks",
    "dask ": "waits for ever; test_cluster.py starts clusters",
    "export DASK": "is for the shell; test_cluster.py sets the same in Dask's configuration",
    "model.fit(": "is one line of a program; examples/mi_of_your_own_network.py is the whole",
    'import torch\n\nx = torch.randn(10_000, 200, device="cuda")': "needs a GPU",
}
WITH = {  # options that make a command of minutes one of seconds
    "mi estimate x.npy y.npy --groups subject.npy --permutations 200": "--permutations 5",
    "mi estimate x.npy y.npy --series --permutations 200": "--permutations 5",
    "mi rank examples/people.csv --target mood --missing drop --permutations 999": "--permutations 9",
    "mi train --arch shortcut --data digits --epochs 20 --out runs/shortcut-digits": "--epochs 1 --samples 100",
    "mi reproduce fig4a --profile smoke": "--dry-run",
    "mi reproduce all": "--dry-run",
    "mi reproduce all --data PATH": "--dry-run",
    "mi estimate first.npy last.npy --diagnose --permutations 200 --cca 5 --json": "--permutations 5 --subsample 500",
}
OF_EXAMPLES = {"bits_about_the_label.py": ("--widths", "1,16", "--epochs", "3")}  # the same for the examples
BEFORE = {  # what a page takes for granted: the reader's model and data
    "callback.md": """
import keras, numpy as np
rng = np.random.default_rng(0)
x_train = x_test = rng.standard_normal((100, 6, 6, 1)).astype("float32")
y_train = y_test = rng.integers(0, 3, 100)
conv, hidden = keras.layers.Conv2D(2, 3, name="conv"), keras.layers.Dense(4, name="hidden")
model = keras.Sequential([keras.Input((6, 6, 1)), conv, keras.layers.Flatten(), hidden, keras.layers.Dense(3)])
model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
""",
    "pytorch.md": """
import torch, warnings
warnings.filterwarnings("ignore")
x_train = x_test = torch.randn(200, 8)
y_train = y_test = (x_train[:, 0] > 0).long()
model = torch.nn.Sequential()
model.add_module("encoder", torch.nn.Sequential(*(torch.nn.Linear(8, 8) for _ in range(4))))
train_one_epoch = torch.nn.Module.train
""",
}


def code_of(page):
    """What a page shows to be run, in its order: ("python", a block) or ("command", a line without its comment)."""
    found, text = [], page.read_text(encoding="utf-8")
    for block in re.finditer(r"^```(\w+)\n(.*?)^```|^    (?=[a-z]+[ .])([^\n]*)$", text, flags=re.DOTALL | re.MULTILINE):
        kind, fenced, indented = block.groups()
        if kind == "python":
            found.append(("python", fenced))
        elif kind == "console":
            found += [("command", line) for line in re.findall(r"^\$ (.*)$", fenced, flags=re.MULTILINE)]
        elif indented is not None:
            found.append(("command", indented))
    return [(kind, code if kind == "python" else re.sub(r"\s+#.*", "", code)) for kind, code in found]


def entry_for(code):
    """The entry of NOT_RUN that a piece of code belongs to."""
    return next((start for start in NOT_RUN if code.startswith(start)), None)


def run(folder, *command):
    finished = subprocess.run([sys.executable, "-P", *command], cwd=folder, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, f"{command}\n{finished.stderr}"
    return finished.stdout


def run_command(folder, line):
    program, *words = with_options(shlex.split(line), shlex.split(WITH.get(line, "")))
    assert program == "mi", f"{line!r} is no command of mi: run it here, or give a reason in NOT_RUN"
    return run(folder, "-c", "from mi_core.command import main; main()", *words)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    for first, last in (("x", "y"), ("first", "last")):
        shutil.copy(REPOSITORY / "examples" / "digits_first.npy", tmp_path / f"{first}.npy")
        shutil.copy(REPOSITORY / "examples" / "digits_last.npy", tmp_path / f"{last}.npy")
    np.save(tmp_path / "subject.npy", np.arange(1797) // 60)
    return tmp_path


def imported(code):
    """Packages that a program imports, and what those of ours need."""
    names = set(re.findall(r"^(?:import|from) (\w+)", code, flags=re.MULTILINE))
    return names | ({"torch"} if "trainer.pytorch" in code else set())


def lines_to_run(page):
    """Commands of a page, less those that a page before it has, too."""
    earlier = {code for other in PAGES[: PAGES.index(page)] for _, code in code_of(other)}
    return [code for kind, code in code_of(page) if kind == "command" and code not in earlier and entry_for(code) is None]


@pytest.mark.parametrize("page", [page for page in PAGES if lines_to_run(page)], ids=lambda page: page.name)
def test_commands_run(page, copy):
    for line in lines_to_run(page):
        run_command(copy, line)


@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in page.read_text("utf-8")], ids=lambda page: page.name)
def test_python_code_runs(page, copy):
    blocks = [code for kind, code in code_of(page) if kind == "python" and entry_for(code) is None]
    if not blocks:
        pytest.skip("all its code is in NOT_RUN, with reasons")
    needed = [imported(block) for block in blocks]
    missing = {name for names in needed for name in names if importlib.util.find_spec(name) is None}
    (copy / "program.py").write_text(
        BEFORE.get(page.name, "") + "\n".join(block for block, names in zip(blocks, needed, strict=True) if not names & missing)
    )
    run(copy, "program.py")
    if missing:
        pytest.skip(f"blocks that need {', '.join(missing)} were not run: not installed")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_run(example, copy):
    missing = [name for name in imported(example.read_text("utf-8")) if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: not installed")
    printed = run(copy, f"examples/{example.name}", *OF_EXAMPLES.get(example.name, ())).splitlines()
    if example.name.startswith("mi_of"):
        assert len(printed) == 12
        assert re.fullmatch(r"epoch 5  I\(input; hidden\) = \d\.\d\d bits  error 0\.\d{3}", printed[-1])
        errors = [float(line.split()[-1]) for line in printed]
        assert errors[-1] < 0.5 < errors[0]
    elif example.name == "bits_about_the_label.py":
        narrow, wide = (line.split() for line in printed[6:8])
        assert float(wide[1]) < float(narrow[1]) - 0.2, "errors"
        assert float(narrow[2]) + 1 < float(wide[2]) < 3.4, "bits in the first layer"
        assert (copy / "bits-about-the-label.png").read_bytes().startswith(b"\x89PNG")
    elif example.name == "make_people.py":
        assert printed[0].endswith("people.csv: 800 rows")
        assert (copy / "examples" / "people.csv").read_bytes() == (REPOSITORY / "examples" / "people.csv").read_bytes()
    else:
        assert [line.split(": ")[-1] for line in printed[1:]] == ["(1797, 24)"] * 2


def test_tables_name_only_what_the_pages_have():
    shown = [code for page in PAGES for _, code in code_of(page)]
    assert {entry_for(code) for code in shown} - {None} == set(NOT_RUN)
    assert set(WITH) <= set(shown)
    assert set(BEFORE) <= {page.name for page in PAGES}


def test_code_is_found_in_any_form(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Text\n\n    mi info  # why\n\n```python\nif x:\n    y\n```\n```console\n$ mi a   # b\nprinted\n$ mi c\n```\n"
    )
    assert code_of(page) == [("command", "mi info"), ("python", "if x:\n    y\n"), ("command", "mi a"), ("command", "mi c")]


SHOWN = {README: 2, DOCS / "getting-started.md": 2, DOCS / "index.md": 1, DOCS / "wide-layers.md": 1}


@pytest.mark.parametrize("page", SHOWN, ids=lambda page: page.stem)
def test_commands_print_what_pages_show(page, copy):
    """Pages but the README may show the beginning alone."""

    def lasting(lines):
        passing = "backend", "time", "note:"  # these depend on the machine, and notes go to stderr
        return [line for line in lines if not line.strip().startswith(passing)]

    text = page.read_text(encoding="utf-8")
    commands = [code for _, code in code_of(page) if re.match("mi (estimate|rank) examples", code) and f"$ {code}\n" in text]
    printed = {
        code: lasting(re.split(r"```|^\$ ", text.split(f"$ {code}\n")[1], flags=re.M)[0].splitlines()) for code in commands
    }
    assert sum(map(bool, printed.values())) == SHOWN[page]
    for command, shown in printed.items():
        if shown:
            found = lasting(run_command(copy, command).splitlines())
            assert found[: len(shown)] == shown
            assert page != README or found == shown


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").split()) <= 1200


def test_numbers_beside_the_code_are_those_that_it_prints(copy):
    page = DOCS / "which-estimator.md"
    program = "\n".join(code for kind, code in code_of(page) if kind == "python")
    (copy / "program.py").write_text(program)
    number = re.compile(r"-?\d+\.\d+")
    said = [number.findall(line.split("#")[1].split(":")[0]) for line in program.splitlines() if line.startswith("print(")]
    printed = [number.findall(line) for line in run(copy, "program.py").splitlines()]
    assert [[f"{float(one):.2f}" for one in line] for line in printed] == said
