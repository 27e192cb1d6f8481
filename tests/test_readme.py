"""The README's commands and code run as written."""

import re
import shlex

import pytest
from typer.testing import CliRunner

from cli.main import app
from conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ mi (.*)$", README, flags=re.MULTILINE)


@pytest.fixture
def in_a_copy(tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("in_a_copy")
def test_commands_run(command):
    assert CliRunner().invoke(app, shlex.split(command)).exit_code == 0


@pytest.mark.usefixtures("in_a_copy")
def test_the_first_command_prints_what_the_readme_shows():
    shown = README.split(f"$ mi {COMMANDS[0]}\n")[1].split("```")[0].splitlines()
    printed = CliRunner().invoke(app, shlex.split(COMMANDS[0])).stdout.splitlines()

    def lasting(lines):
        return [line for line in lines if not line.strip().startswith(("backend", "time"))]  # these depend on the machine

    assert lasting(printed) == lasting(shown)


def test_python_code_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert "bits ()" in capsys.readouterr().out
