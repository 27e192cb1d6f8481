"""The paper's experiments: which runs they need, what becomes of their rows, and the whole way through the command."""

import json
import re
import subprocess
import sys

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from made_up import manifest
from mi_core import InputError
from trainer import RunFolder
from trainer.config import added_to
from trainer.reproduction import report, results
from trainer.reproduction.experiments import (
    FIGURES,
    expected_seconds,
    figures_asked_for,
    load_experiment,
    load_profile,
    run_name,
    runs_of,
)
from trainer.table import Row

PROFILES = ("smoke", "cpu", "paper")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_network_is_trained_once_in_both_ways(profile):
    experiments = [load_experiment(name, profile) for name in FIGURES]
    runs = runs_of(experiments, load_profile(profile))
    kinds = {(s.arch, s.width, s.hidden, s.seed, s.batch_size) for s in runs.values()}
    assert len(kinds) == len(runs)
    assert {s.batch_size for s in runs.values()} == {None, 1000}
    for experiment in experiments:
        for arch in experiment.archs:
            for width in experiment.widths:
                for hidden in experiment.hidden:
                    for seed in range(load_profile(profile).seeds):
                        assert {(arch, width, hidden, seed, None), (arch, width, hidden, seed, 1000)} <= kinds
    for name, settings in runs.items():
        assert name == run_name(settings)
        assert (("first", "last_before_sum") in settings.layers) == bool(added_to(settings, settings.hidden))
        assert settings.k == (3, 10)
        assert settings.bn == ("inference", "batch")
        assert max(settings.every) == settings.epochs if isinstance(settings.every, tuple) else settings.every == 1
        assert expected_seconds(settings) > 0


def test_the_paper_profile_has_the_papers_networks():
    assert load_experiment("fig4a", "paper").widths == (25, 50, 100, 200, 400)
    assert load_experiment("fig4b", "paper").hidden == (3, 5, 10, 15, 20)
    assert load_experiment("fig5b", "paper").archs == ("mlp", "shortcut", "resnet", "shortcut-resnet")
    assert load_profile("paper").seeds == 5


def test_data_of_ones_own():
    runs = runs_of([load_experiment("fig5b", "cpu")], load_profile("cpu"), "/data/mnist.npz")
    assert {settings.data for settings in runs.values()} == {"/data/mnist.npz"}


def test_which_figures():
    assert figures_asked_for(["all"]) == FIGURES
    assert figures_asked_for(["fig5b", "fig4a", "fig5b"]) == ("fig5b", "fig4a")
    with pytest.raises(InputError, match=r"there is no experiment 'fig6': name fig4a, fig4b, fig5a, fig5b or all"):
        figures_asked_for(["fig6"])


def made_up_run(folder, settings):
    run = RunFolder(folder / run_name(settings))
    run.create(manifest(settings))
    rows = [
        Row(
            epoch,
            x,
            y,
            bn,
            mi=epoch + 0.5 * (y == "last_before_sum"),
            k=k,
            error=0.5,
            logs={"loss": 2.0} if epoch else {},
            notes=("one", "two"),
        )
        for epoch in (0, 4)
        for x, y in (*settings.layers, ("first", "middle"))
        for bn in settings.bn
        for k in settings.k
    ]
    run.table.append(rows)


def test_the_table_of_all_runs(tmp_path):
    runs = runs_of([load_experiment("fig5b", "smoke")], load_profile("smoke"))
    for settings in runs.values():
        made_up_run(tmp_path / "runs", settings)
    table = results.collect(tmp_path / "runs")
    assert dict(table.schema) == results.SCHEMA
    assert set(table["run"]) == set(runs)
    per_run = table.group_by("run").len()
    assert set(per_run["len"]) == {2 * 2 * 2 * 2}, "epochs x bn x sum x k, whether the network has a sum or not"
    assert table.equals(table.sort("run", "epoch", "bn", "sum", "k"))
    before = table.filter(pl.col("mi") != pl.col("epoch"))
    assert set(before["sum"]) == {"before"}
    assert set(before["arch"]) == {"shortcut", "shortcut-resnet"}
    mlp = table.filter(arch="mlp").select(pl.exclude("sum"))
    assert mlp.n_unique() * 2 == len(mlp)
    assert set(table.filter(batch_size=1000, epoch=4)["updates"]) == {8}
    assert set(table.filter(pl.col("batch_size").is_null(), epoch=4)["updates"]) == {4}
    assert set(table.filter(epoch=4)["loss"]) == {2.0}
    assert set(table["notes"]) == {"one two"}
    results.write(table, tmp_path)
    assert results.read(tmp_path).equals(table)
    assert pl.read_csv(tmp_path / "results.csv").height == table.height


def test_a_report_on_runs_alone(tmp_path, monkeypatch):
    """Of mi train, say: the table is made on the way."""
    for settings in runs_of([load_experiment("fig5a", "smoke")], load_profile("smoke")).values():
        made_up_run(tmp_path, settings)
    seen = {}
    monkeypatch.setattr(report, "render", lambda table, *others: seen.update(table=table, manifests=others[-1]) or "page")
    assert report.write_report(tmp_path, tmp_path / "page.html").read_text() == "page"
    assert seen["table"].equals(results.collect(tmp_path))
    assert len(seen["manifests"]) == 8


def test_no_results(tmp_path):
    with pytest.raises(InputError, match=r"has no runs with measurements in it: name a folder of mi reproduce, or one of runs"):
        results.collect(tmp_path)
    with pytest.raises(InputError, match=r"has no results.parquet"):
        results.read(tmp_path)
    (tmp_path / "results.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(InputError, match=r"results.parquet is damaged or no table of results"):
        results.read(tmp_path)


def test_a_table_of_something_else(tmp_path):
    pl.DataFrame({"run": ["one"], "mi": [1.0]}).write_parquet(tmp_path / "results.parquet")
    with pytest.raises(InputError, match=r"results.parquet is damaged or no table of results"):
        results.read(tmp_path)


def test_settings_that_all_runs_share(tmp_path):
    one = {"settings": {"arch": "mlp", "epochs": 4}, "machine": {"versions": {"numpy": "2.1"}}, "devices": ["cpu:0"]}
    two = {"settings": {"arch": "mlp", "epochs": 4}, "machine": {"versions": {}}, "devices": ["cpu:0"]}
    three = {"settings": {"arch": "resnet", "epochs": 4}, "machine": {"versions": {"numpy": "2.1"}}, "devices": ["cpu:0"]}
    assert results.shared([one, two, three]) == [("settings.epochs", "4"), ("devices", '["cpu:0"]')]
    assert results.shared([one, three])[1] == ("machine.versions.numpy", "2.1")
    assert results.shared([]) == []
    settings = results.write_settings([one, two, three], tmp_path)
    assert json.loads(settings.read_text()) == {"settings.epochs": "4", "devices": '["cpu:0"]'}


def mi(*arguments):
    return CliRunner().invoke(app, arguments)


def test_a_whole_reproduction(tmp_path):
    """Trained on worker processes, drawn and judged; then continued, with nothing left to do."""
    command = ("reproduce", "fig5a", "--profile", "smoke", "--out", str(tmp_path / "out"), "--workers", "2")
    program = [sys.executable, "-c", "from cli.main import app; app(prog_name='mi')"]  # a process, to see what workers print
    done = subprocess.run([*program, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "8/8" in done.stdout
    assert (
        "full batch, inference statistics, after the sum, k=3:\n  3. Residual net: MI rises, peaks, and falls. " in done.stdout
    )
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if "runs" not in path.parts}
    assert {"results.parquet", "results.csv", "settings.json", "claims.csv", "claims.md", "figures/fig5a-after-k3.png"} <= found
    table = results.read(tmp_path / "out")
    assert set(table["width"]) == {8, 16}
    assert table.null_count()["mi"].item() == 0
    again = mi(*command, "--quiet")
    assert (again.exit_code, again.stdout) == (0, f"{tmp_path / 'out'}\n")
    assert results.read(tmp_path / "out").equals(table)


def test_the_plan():
    planned = mi("reproduce", "all", "--profile", "paper", "--workers", "8", "--dry-run")
    assert planned.exit_code == 0
    assert len(planned.stdout.splitlines()) == 240 + 2
    assert re.search(r"\n240 runs, about \d+ h at 8 at a time, each on a core of an AMD EPYC \(Zen 3\)\.\n", planned.stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fig6"], "mi: there is no experiment 'fig6': name fig4a, fig4b, fig5a, fig5b or all; did you mean fig4a?\n"),
        (["fig4a", "--scheduler", "nonsense://x"], "mi: scheduler is 'nonsense://x': give its address"),
    ],
)
def test_wrong_usage(tmp_path, arguments, message):
    refused = mi("reproduce", *arguments, "--profile", "smoke", "--out", str(tmp_path))
    assert refused.exit_code == 2
    assert refused.stderr.startswith(message)
    assert len(refused.stderr.splitlines()) == 1
