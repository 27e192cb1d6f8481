"""What `mi bench gpu` does, as far as it goes without a GPU."""

import json

import numpy as np
import pytest

from benchmarks import gpu
from benchmarks.tasks import Task
from mi_core import InputError, neighbour_counts

TASK = Task("correlated", 200, 3, 3)


def on_the_host(x, y):
    return lambda: neighbour_counts(x, y, gpu.K, backend="cpu")


def wrong(x, y):
    found = neighbour_counts(x, y, gpu.K, backend="cpu")
    found.n_x[:] += 1
    return lambda: found


def breaks(x, y):
    raise ValueError("out of memory\nand more")


@pytest.mark.filterwarnings("default")  # JAX's own warnings are not ours to raise
@pytest.mark.parametrize("library", ["torch", "jax", "pykeops"])
def test_by_hand_counts_the_same(library, monkeypatch):
    pytest.importorskip(library)
    monkeypatch.setattr(gpu, "CHUNK_BYTES", 4 * 200 * 60)
    x, y = TASK.samples(0)
    by_hand = {"torch": gpu.torch_by_hand, "jax": gpu.jax_by_hand, "pykeops": gpu.keops_by_hand}[library]
    run = by_hand(x, y, **({} if library == "jax" else {"device": "cpu"}))
    expected = neighbour_counts(x, y, gpu.K)
    for mine, truth in zip(run(), (expected.n_x, expected.n_y), strict=True):
        np.testing.assert_array_equal(mine, truth)


def test_each_program_has_a_row_whatever_happens(monkeypatch):
    monkeypatch.setattr(gpu, "slowness", {"slow": 1.0})
    programs = [
        gpu.Program("right", on_the_host),
        gpu.Program("wrong", wrong),
        gpu.Program("breaks", breaks),
        gpu.Program("slow", breaks, by_hand=True),
    ]
    monkeypatch.setattr(gpu, "PROGRAMS", programs)
    found = {row["peer"]: row for row in gpu.measured(TASK, 1e6)}
    assert found["ceiling of all pairs, once"]["seconds"] == 200**2 * 6 / 1e6
    assert (found["right"]["status"], found["right"]["counts_equal"], found["right"]["repeats"]) == ("ok", True, gpu.REPEATS)
    assert found["right"]["seconds_min"] <= found["right"]["seconds"] <= found["right"]["seconds_max"]
    assert found["wrong"]["counts_equal"] is False
    assert found["breaks"]["status"] == "failed: out of memory"
    assert found["slow"]["status"] == "over 15 s"


def test_rows_and_their_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpu.presence, "number_of_gpus", lambda: 1)
    monkeypatch.setattr(gpu, "pairs_per_second", lambda: 1e12)
    monkeypatch.setattr(gpu, "bytes_per_second", lambda: 4e12)
    monkeypatch.setattr(gpu, "TASKS", (TASK, Task("gaussian", 100, 2, 2)))
    monkeypatch.setattr(gpu, "PROGRAMS", [gpu.Program("right", on_the_host)])
    gpu.main(tmp_path, only="3+3")
    rows = [json.loads(line) for line in (tmp_path / "gpu.jsonl").read_text().splitlines()]
    assert [(row["task"], row["peer"]) for row in rows] == [(TASK.name, "ceiling of all pairs, once"), (TASK.name, "right")]
    assert "| correlated 3+3, N=200 |" in (tmp_path / "gpu.md").read_text()
    assert "1.0 T pairs/s, 4.00 TB/s" in capsys.readouterr().out


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(gpu.presence, "number_of_gpus", lambda: 0)
    with pytest.raises(InputError, match="needs a GPU"):
        gpu.main()
