"""The paper's experiments: which runs they need, what becomes of their rows, and the whole way through the command."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from conftest import REPOSITORY
from made_up import manifest
from mi_core import InputError
from trainer import RunFolder
from trainer.config import Settings, added_to
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
def test_every_network_is_trained_once_in_every_way(profile):
    experiments = [load_experiment(name, profile) for name in FIGURES]
    runs = runs_of(experiments, load_profile(profile))
    ways = {(s.arch, s.width, s.hidden, s.seed, s.batch_size, s.momentum) for s in runs.values()}
    assert len(ways) == len(runs)
    kinds = {(s.arch, s.width, s.hidden, s.seed, s.batch_size) for s in runs.values() if s.momentum == 0.99}
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
        assert settings.bn[0] == "inference"
        assert settings.standardize == ("none", "sides")
        assert max(settings.every) == settings.epochs if isinstance(settings.every, tuple) else settings.every == 1
        assert expected_seconds(settings) > 0


def test_extra_readings_are_of_some_networks_alone():
    runs = runs_of([load_experiment(name, "cpu") for name in FIGURES], load_profile("cpu"))
    extra = {(s.width, s.hidden) for s in runs.values() if s.momentum == 0.9}
    assert extra == {(50, 5), (50, 10), (50, 20)}
    assert {s.bn for s in runs.values() if s.momentum == 0.9} == {("inference",), ("inference", "batch")}
    assert runs["resnet-w50-h10-b10000-m0.9-s4"].batch_size == 10_000
    assert not any(s.momentum == 0.9 for s in runs_of([load_experiment("fig5a", "smoke")], load_profile("smoke")).values())


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
    with pytest.raises(InputError, match=r"there is no experiment 'fig6': name fig4a, fig4b, fig5a, fig5b, depths or all"):
        figures_asked_for(["fig6"])


def made_up_run(folder, settings, epochs=(0, 4)):
    run = RunFolder(folder / run_name(settings))
    run.create(manifest(settings))
    rows = [
        Row(
            epoch,
            x,
            y,
            bn,
            units=settings.units,
            mi=epoch + 0.5 * (y == "last_before_sum"),
            k=k,
            error=0.5,
            logs={"loss": 2.0} if epoch else {},
            notes=("one", "two"),
            standardize=standardize,
            cka=0.25 if epoch else None,
        )
        for epoch in epochs
        for x, y in (*settings.layers, ("first", "middle"))
        for bn in settings.bn
        for standardize in settings.standardize
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
    assert set(per_run["len"]) == {2 * 2 * 2 * 2 * 2}, "epochs x bn x sum x standardize x k, whether the net has a sum or not"
    assert table.equals(table.sort("run", "epoch", "bn", "sum", "standardize", "k"))
    before = table.filter(pl.col("mi") != pl.col("epoch"))
    assert set(before["sum"]) == {"before"}
    assert set(before["arch"]) == {"shortcut", "shortcut-resnet"}
    mlp = table.filter(arch="mlp").select(pl.exclude("sum"))
    assert mlp.n_unique() * 2 == len(mlp)
    assert set(table.filter(batch_size=1000, epoch=4)["updates"]) == {8}
    assert set(table.filter(pl.col("batch_size").is_null(), epoch=4)["updates"]) == {4}
    assert set(table.filter(epoch=4)["loss"]) == {2.0}
    assert set(table["notes"]) == {"one two"}
    assert set(table["momentum"]) == {0.99}
    assert table.select("epoch", "cka").unique().sort("epoch").rows() == [(0, None), (4, 0.25)]
    checksums = {name: settings.checksum() for name, settings in runs.items()}
    assert dict(table.select("run", "settings").unique().rows()) == checksums
    assert len(set(checksums.values())) == len(runs)
    results.write(table, tmp_path)
    assert results.read(tmp_path).equals(table)
    assert pl.read_csv(tmp_path / "results.csv").height == table.height


def test_a_report_on_runs_alone(tmp_path, monkeypatch):
    """Of mi train, say: the table is made on the way."""
    for settings in runs_of([load_experiment("fig5a", "smoke")], load_profile("smoke")).values():
        made_up_run(tmp_path, settings)
    seen = {}
    monkeypatch.setattr(report, "render", lambda table, *others: seen.update(table=table, settings=others[-1]) or "page")
    assert report.write_report(tmp_path, tmp_path / "page.html").read_text() == "page"
    assert seen["table"].equals(results.collect(tmp_path))
    assert ("settings.arch", "resnet") in seen["settings"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"units": "nats"}, "runs with units bits and nats: keep those with one"),
        ({"seed": 5, "activation": "relu"}, "runs with activation relu and tanh: keep those with one"),
        ({"samples": 100}, "runs with samples 100 and 300: keep those with one"),
        ({"epochs": 7}, "several runs of one network, update and seed, mlp-w4-h3-full-s0 and other: keep one"),
    ],
)
def test_a_report_on_runs_that_verdicts_would_mix(other, message, tmp_path, monkeypatch):
    usual = Settings(width=4, hidden=3, samples=300, layers=(("first", "last"),))
    made_up_run(tmp_path, usual)
    made_up_run(tmp_path / "more", dataclasses.replace(usual, **other))
    [run] = (tmp_path / "more").iterdir()
    run.rename(tmp_path / "other")
    (tmp_path / "more").rmdir()
    monkeypatch.setattr(report, "render", lambda *_: "page")
    with pytest.raises(InputError, match=message):
        report.write_report(tmp_path, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_no_results(tmp_path):
    made_up_run(tmp_path, Settings(width=4, hidden=3, layers=(("input", "last"),)))
    with pytest.raises(InputError, match=r"has no runs with measurements of first:last or first:last_before_sum in it: name"):
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
    shared = {"settings.epochs": "4", "devices": '["cpu:0"]', "machine.versions.numpy": "2.1"}
    assert json.loads(settings.read_text()) == shared


def test_settings_of_runs_whose_folders_are_gone_are_kept(tmp_path):
    one = {"settings": {"epochs": 4, "seed": 0}, "machine": {"cpu": "Zen"}, "versions": {"numpy": "2.1"}}
    two = {"settings": {"epochs": 4, "seed": 1}, "machine": {"cpu": "Golden Cove"}, "versions": {"numpy": "2.1"}}
    results.write_settings([one], tmp_path)
    for _ in range(2):
        settings = json.loads(results.write_settings([two], tmp_path).read_text())
        assert settings == {"settings.epochs": "4", "machine.cpu": "Zen | Golden Cove", "versions.numpy": "2.1"}
    (tmp_path / "settings.json").write_text('{"machine.cpu": 3}')
    with pytest.raises(InputError, match=r"settings.json is damaged: .*Expected `str`, got `int`"):
        results.write_settings([two], tmp_path)


def test_a_table_tells_which_runs_are_finished(tmp_path):
    runs = {name: s for name, s in smoke_runs("fig5a").items() if s.batch_size and s.seed == 0}
    finished, begun = runs
    made_up_run(tmp_path, runs[finished])
    made_up_run(tmp_path, runs[begun], epochs=(0, 1))
    table = results.collect(tmp_path)
    data = {"digits": "0" * 64, "mnist": "1" * 64}
    assert results.finished(table, runs, data) == {finished}
    assert results.finished(table, {}, data) == set()
    changed = {begun: dataclasses.replace(runs[begun], samples=200)}
    with pytest.raises(InputError, match=rf"results.parquet has rows of {begun} with other settings: name another folder"):
        results.finished(table, changed, data)
    other = {finished: dataclasses.replace(runs[finished], data="mnist", backend="cpu-brute")}
    with pytest.raises(InputError, match=rf"results.parquet has rows of {finished} on other data: name another folder"):
        results.finished(table, other, data)
    assert results.finished(table, other, {"mnist": "0" * 64}) == {finished}, "the same data in another place"


def test_a_new_table_has_the_last_word_on_its_runs(tmp_path):
    runs = {name: s for name, s in smoke_runs("fig5a").items() if s.batch_size and s.seed == 0}
    for place, settings in enumerate(runs.values()):
        made_up_run(tmp_path / str(place), settings, epochs=(0, 1))
    first, second = (results.collect(tmp_path / place) for place in "01")
    longer = first.with_columns(pl.col("epoch") * 4)
    both = results.together(longer, results.together(first, second))
    assert both.equals(results.together(second, longer))
    assert both["epoch"].max() == 4
    RunFolder(tmp_path / "2" / "begun").create(manifest(smoke_runs("fig5a").popitem()[1]))
    assert results.together(results.collected(tmp_path / "2"), first).equals(first), "a run that has measured nothing yet"


def smoke_runs(*figures):
    return runs_of([load_experiment(name, "smoke") for name in figures], load_profile("smoke"))


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
        "full batch, moving averages, momentum 0.99; MI as measured, last layer after the sum. In brackets: how many of the 4 "
        in done.stdout
    )
    assert "  3. Residual net: MI rises, peaks, and falls. " in done.stdout
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if "runs" not in path.parts}
    assert {"results.parquet", "results.csv", "settings.json", "claims.csv", "claims.md", "figures/fig5a-after-k3.png"} <= found
    table = results.read(tmp_path / "out")
    assert set(table["width"]) == {8, 16}
    assert table.null_count()["mi"].item() == 0
    shutil.rmtree(tmp_path / "out" / "runs")  # the table alone says what is finished
    for again in (command, ("reproduce", "all", *command[2:], "--collect")):  # most figures of "all" have no runs yet
        again = mi(*again, "--quiet")
        assert (again.exit_code, again.stdout) == (0, f"{tmp_path / 'out'}\n")
        assert results.read(tmp_path / "out").equals(table)


def test_the_plan():
    planned = mi("reproduce", "all", "--profile", "paper", "--workers", "8", "--dry-run")
    assert planned.exit_code == 0
    assert len(planned.stdout.splitlines()) == 840 + 2
    assert re.search(r"\n840 runs, about \d+ h at 8 at a time, each on a core of an AMD EPYC \(Zen 3\)\.\n", planned.stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fig6"], "mi: there is no experiment 'fig6': name fig4a, fig4b, fig5a, fig5b, depths or all; did you mean fig4a?\n"),
        (["fig4a", "--scheduler", "nonsense://x"], "mi: scheduler is 'nonsense://x': give its address"),
    ],
)
def test_wrong_usage(tmp_path, arguments, message):
    refused = mi("reproduce", *arguments, "--profile", "smoke", "--out", str(tmp_path))
    assert refused.exit_code == 2
    assert refused.stderr.startswith(message)
    assert len(refused.stderr.splitlines()) == 1


def test_a_plan_has_only_the_runs_that_are_left(tmp_path):
    kept = results.read(REPOSITORY / "benchmarks" / "results" / "reproduction")
    name = kept["run"][0]
    last = pl.col("run").eq(name) & pl.col("epoch").eq(kept.filter(pl.col("run") == name)["epoch"].max())
    for table, words in ((kept, "390 of 390 runs are finished."), (kept.filter(~last), "389 of 390 runs are finished.")):
        table.write_parquet(tmp_path / results.PARQUET)
        planned = CliRunner().invoke(app, ["reproduce", "all", "--dry-run", "--out", str(tmp_path)])
        assert planned.exit_code == 0
        assert words in planned.stdout
        assert (name in planned.stdout) == ("\n1 run, about" in planned.stdout) == (words[:3] == "389")
