"""What `mi bench gpu` does, as far as it goes without a GPU."""

import time

import numpy as np
import pytest

from benchmarks import gpu
from benchmarks.rows import Row, read
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
    slow = gpu.Program("slow", breaks, by_hand=True)
    broken = gpu.Program("broken", breaks, by_hand=True)
    programs = [gpu.Program("right", on_the_host, repeats=3), gpu.Program("wrong", wrong), broken, slow]
    monkeypatch.setattr(gpu, "OURS", programs)
    measurements = gpu.Measurements(60, pairs_a_second=1e6)
    measurements.earlier["slow"] = [(Task("correlated", 20, 3, 3), 0.05)]
    found = {row["peer"]: row for row in measurements.of(TASK, programs)}
    assert found["ceiling of all pairs, once"]["seconds"] == 200**2 * 6 / 1e6
    assert (found["right"]["status"], found["right"]["counts_equal"]) == ("ok", True)
    assert 3 <= found["right"]["repeats"] <= gpu.REPEATS
    assert found["right"]["seconds_min"] <= found["right"]["seconds"] <= found["right"]["seconds_max"]
    assert found["wrong"]["counts_equal"] is False
    assert found["broken"]["status"] == "failed: out of memory"
    assert found["slow"]["status"] == "over 4 s"
    assert list(measurements.of(TASK, [broken])) == []  # not tried again
    assert list(measurements.of(TASK, [gpu.Program("elsewhere", on_the_host, tasks=gpu.DECISIVE)])) == []


def test_time_is_foreseen_from_the_most_similar_task():
    measurements = gpu.Measurements(60, 1.0)
    program = gpu.Program("some", on_the_host)
    assert measurements.foreseen(TASK, program) == 0
    measurements.earlier["some"] = [
        (Task("gaussian", 200, 100, 100), 5.0),
        (Task("gaussian", 100, 3, 3), 1.0),
        (Task("gaussian", 50, 3, 3), 9.0),
    ]
    assert measurements.foreseen(TASK, program) == 4
    assert measurements.foreseen(Task("gaussian", 400, 200, 200), program) == 40


def test_nothing_is_begun_when_time_is_up():
    programs = [gpu.Program("right", on_the_host)]
    assert list(gpu.Measurements(-1, 1.0).of(TASK, programs)) == [{"peer": "right", "status": "no time left"}]


def test_repeats():
    assert len(gpu.timed(lambda: None)[0]) == gpu.REPEATS
    assert len(gpu.timed(lambda: time.sleep(gpu.ENOUGH))[0]) == 1
    times, last = gpu.timed(lambda: time.sleep(0.2) or "found", repeats=4)
    assert (len(times), last) == (4, "found")


def test_what_is_decided_comes_first():
    planned = list(gpu.plan())
    first = [task for task, programs in planned if programs is gpu.OURS]
    assert first == [*gpu.DECISIVE, *gpu.FURTHER]
    assert planned[len(gpu.DECISIVE)] == (gpu.DECISIVE[0], gpu.BY_HAND)


def test_a_process_of_its_own(monkeypatch):
    (program,) = gpu.ON_CPU
    found = gpu.tried_apart(program, TASK)
    assert (found["status"], found["counts_equal"]) == ("ok", True)
    unknown = gpu.Program("no such program", on_the_host, apart=True)
    assert gpu.tried_apart(unknown, TASK)["status"].startswith("failed: ValueError: not enough values")
    monkeypatch.setattr(gpu, "APART", 0.01)
    assert gpu.tried_apart(program, TASK)["status"] == "failed: still running after 0.01 s"


def test_rows_and_their_table(tmp_path, monkeypatch, capsys):
    other = Task("gaussian", 100, 2, 2)
    monkeypatch.setattr(gpu.presence, "number_of_gpus", lambda: 1)
    monkeypatch.setattr(gpu, "pairs_per_second", lambda: 1e12)
    monkeypatch.setattr(gpu, "bytes_per_second", lambda: 4e12)
    monkeypatch.setattr(gpu, "DECISIVE", (TASK, other))
    monkeypatch.setattr(gpu, "OURS", [gpu.Program("right", on_the_host)])
    monkeypatch.setattr(gpu, "BY_HAND", [])
    monkeypatch.setattr(gpu, "ON_CPU", [gpu.Program("on the CPU", gpu.on_the_cpu, warm=True)])
    gpu.main(tmp_path, only="3+3, N=200")
    rows = read(tmp_path / "gpu.jsonl", Row)
    assert [(row.task, row.peer) for row in rows] == [
        (TASK.name, "ceiling of all pairs, once"),
        (TASK.name, "right"),
        (TASK.name, "on the CPU"),
    ]
    assert all(row.counts_equal for row in rows[1:])
    assert {"numpy", "python"} < set(rows[0].versions)
    table = (tmp_path / "gpu.md").read_text()
    assert "| correlated 3+3, N=200 |" in table
    assert f"numpy {np.__version__}" in table
    assert "1.0 T pairs/s, 4.00 TB/s" in capsys.readouterr().out


def test_rows_are_kept_where_a_run_is_stopped(tmp_path, monkeypatch):
    def stopped(x, y):
        raise KeyboardInterrupt

    monkeypatch.setattr(gpu.presence, "number_of_gpus", lambda: 1)
    monkeypatch.setattr(gpu, "pairs_per_second", lambda: 1e12)
    monkeypatch.setattr(gpu, "bytes_per_second", lambda: 4e12)
    monkeypatch.setattr(gpu, "DECISIVE", (TASK,))
    monkeypatch.setattr(gpu, "OURS", [gpu.Program("right", on_the_host)])
    monkeypatch.setattr(gpu, "BY_HAND", [gpu.Program("also right", on_the_host), gpu.Program("stopped", stopped)])
    with pytest.raises(KeyboardInterrupt):
        gpu.main(tmp_path)
    assert [row.peer for row in read(tmp_path / "gpu.jsonl", Row)][1:] == ["right", "also right"]
    assert "| right |" in (tmp_path / "gpu.md").read_text()


def test_without_a_gpu_it_says_so(monkeypatch):
    monkeypatch.setattr(gpu.presence, "number_of_gpus", lambda: 0)
    with pytest.raises(InputError, match="needs a GPU"):
        gpu.main()
