"""Counts on a GPU equal the oracle's exactly.

`pytest -m gpu` runs this on hardware; `test_cuda.py` runs it in Numba's simulator, where blocks are tiny, so that a dozen
samples cross all their edges.
"""

import numpy as np
import pytest

import awkward
import oracle
from mi_core import BackendUnavailableError, InputError, _backends, neighbour_counts
from mi_core._backends.cuda import presence

if not presence.simulated() and presence.missing():
    pytest.skip(f"backend cuda: {presence.missing()}", allow_module_level=True)

from mi_core._backends.cuda import counts, device, tiles, tree

pytestmark = pytest.mark.gpu

XY = (0, 1), (1, 2)
SIMULATED = device.SIMULATED
SAMPLES = {tiles: 11, tree: 23} if SIMULATED else {tiles: 1000, tree: 1000}
IN_FLOAT64 = (
    ["5+5", "rounded", "duplicates", "one outlier", "offset 1e8", "near the end of float64"] if SIMULATED else awkward.CASES
)
NARROW = [name for name, (x, y) in awkward.CASES.items() if x.shape[1] + y.shape[1] <= counts.TREE_UP_TO]

if SIMULATED:
    import simulator

    simulator.use()


@pytest.fixture(params=[tiles, tree], ids=["tiles", "tree"])
def way(request, monkeypatch):
    """Every space goes this way, whatever its size."""
    monkeypatch.setattr(counts, "way_through", lambda samples: request.param)
    return request.param


def some_of(name, dtype, way):
    x, y = (side[-SAMPLES[way] :].astype(dtype) for side in awkward.CASES[name])
    return x, y


def assert_equal_to_oracle(x, y, ks, radius, n_x, n_y):
    for m, k in enumerate(ks):
        for mine, truth in zip((radius[m], n_x[m], n_y[m]), oracle.neighbour_counts(x, y, k), strict=True):
            np.testing.assert_array_equal(mine, truth)


@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, np.float32) for name in awkward.IN_FLOAT32), *((name, np.float64) for name in IN_FLOAT64)]
)
def test_counts_equal_the_oracle(way, name, dtype):
    if way is tree and name not in NARROW:
        pytest.skip("a tree is for few dimensions")
    x, y = some_of(name, dtype, way)
    ks = tuple(k for k in (1, 3, 10) if k < len(x))
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, ks, threads=1)
    assert_equal_to_oracle(x, y, ks, radius, n_x, n_y)


@pytest.mark.parametrize("name", ["equal in float32 alone", "rounded"])
def test_more_equals_than_a_list_holds(name, way):
    """For one small k, lists are short."""
    x, y = some_of(name, np.float32, way)
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, (3,), threads=1)
    assert_equal_to_oracle(x, y, (3,), radius, n_x, n_y)


def test_all_neighbours(way):
    x, y = some_of("rounded", np.float32, way)
    ks = 2, len(x) - 2, len(x) - 1
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, ks, threads=1)
    assert_equal_to_oracle(x, y, ks, radius, n_x, n_y)


@pytest.mark.parametrize("n", sorted({2, 3, *(tiles.TILE + off for off in (-1, 0, 1)), 2 * tiles.TILE, 3 * tiles.TILE + 1}))
def test_sizes_at_the_edges_of_tiles_and_boxes(way, n):
    rng = np.random.default_rng(n)
    x, y = (np.round(rng.standard_normal((n, dim)), 1).astype(np.float32) for dim in (2, 1))
    ks = tuple(sorted({1, min(3, n - 1), n - 1}))
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, ks, threads=1)
    assert_equal_to_oracle(x, y, ks, radius, n_x, n_y)


@pytest.mark.parametrize("name", ["2+3", "rounded 1+1"])
def test_rows_may_be_divided(way, name, monkeypatch):
    """As several GPUs divide them, each of which knows all points."""
    x, y = some_of(name, np.float32, way)
    monkeypatch.setattr(counts, "SPLIT_FROM", 0.0)
    monkeypatch.setattr(counts, "number_of_gpus", lambda: 3)
    monkeypatch.setattr(counts, "on_gpu", lambda index: device.on_gpu(0))
    divided = []
    monkeypatch.setattr(counts, "ThreadPoolExecutor", lambda threads: divided.append(threads) or OneByOne())
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, (2,), threads=1)
    assert divided == [3]
    assert_equal_to_oracle(x, y, (2,), radius, n_x, n_y)


class OneByOne:
    """The simulator knows one kernel at a time."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def map(self, work, *arguments):
        return map(work, *arguments)


def test_little_memory_means_smaller_batches(way, monkeypatch):
    monkeypatch.setattr(counts, "LEAST_BATCH", 2)
    x, y = some_of("2+3", np.float32, way)
    batches = []
    find_radii = way.find_radii

    def with_little_memory(points, queries, ks):
        if len(queries) > len(x) // 2:
            raise MemoryError
        batches.append(len(queries))
        return find_radii(points, queries, ks)

    monkeypatch.setattr(way, "find_radii", with_little_memory)
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, (1, 3), threads=1)
    assert sum(batches) == len(x)
    assert len(batches) > 1
    assert_equal_to_oracle(x, y, (1, 3), radius, n_x, n_y)


def test_no_memory_says_what_would_fit(monkeypatch):
    def without_memory(*_):
        raise MemoryError

    monkeypatch.setattr(tiles, "find_radii", without_memory)
    monkeypatch.setattr(counts, "free_bytes", lambda: 2**30)
    x, y = awkward.CASES["24+16"]
    wanted = r"97 samples of 40 dimensions need some 0\.0 GiB, and GPU 0 has 1\.0 GiB free: take at most 838860 samples"
    with pytest.raises(BackendUnavailableError, match=wanted):
        neighbour_counts(x, y, backend="cuda")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_counts_within_given_radii(way, dtype):
    rng = np.random.default_rng(5)
    points = np.round(rng.standard_normal((SAMPLES[way], 3)), 1).astype(dtype)
    for some in (points, points[:, :1]):
        choices = [0.0, np.nextafter(0.0, 1.0), 0.1, np.float64(np.float32(0.1)), 0.5, 30.0]
        radius = np.sort(rng.choice(choices, (tiles.MOST_RADII + 1, len(some))), axis=0)
        nearer = counts.count_nearer(some, radius, threads=1)
        np.testing.assert_array_equal(nearer, [oracle.count_nearer(some, row) for row in radius])


def test_sides_may_be_any_run_of_blocks(way):
    rng = np.random.default_rng(4)
    blocks = tuple(np.round(rng.standard_normal((SAMPLES[way], dim)), 1).astype(np.float32) for dim in (2, 1, 3))
    sides = (0, 2), (1, 3), (1, 2), (0, 3)
    radius, found = counts.neighbour_counts(blocks, sides, (2,), threads=1)
    for (first, last), one in zip(sides, found, strict=True):
        truth = oracle.neighbour_counts(np.hstack(blocks[first:last]), np.hstack(blocks), 2)
        np.testing.assert_array_equal(radius[0], truth[0])
        np.testing.assert_array_equal(one[0], truth[1])


def test_the_way_depends_on_samples_and_dimensions():
    def way(n, dim):
        return counts.way_through(np.empty((n, dim), np.float32))

    assert way(100, 1) is way(10_000, 2) is way(10**6, 400) is tiles
    assert way(10_000, 1) is way(10**5, 2) is way(10**6, 10) is tree


def test_the_public_functions_count_on_the_gpu():
    x, y = some_of("2+3", np.float32, tiles)
    seen = []
    found = neighbour_counts(x, y, 3, backend="cuda", progress=lambda done, total: seen.append((done, total)))
    assert found.backend == "cuda"
    assert_equal_to_oracle(x, y, (3,), [found.radius], [found.n_x], [found.n_y])
    assert len(seen) > 1
    assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize("library", ["cupy", "torch", "jax"])
def test_arrays_on_the_gpu_are_taken_where_they_are(library, monkeypatch):
    """In the simulator NumPy plays CuPy."""
    x, y = some_of("2+3", np.float32, tiles)
    if SIMULATED:
        if library != "cupy":
            pytest.skip("the simulator has no memory of its own to share")
        on_gpu = x, y
    elif library == "torch":
        torch = pytest.importorskip("torch")
        on_gpu = tuple(torch.from_numpy(side).cuda().requires_grad_() for side in (x, y))
    elif library == "jax":
        jax = pytest.importorskip("jax")
        on_gpu = tuple(jax.numpy.asarray(side) for side in (x, y))
        if jax.default_backend() != "gpu":
            pytest.skip("jax is installed without CUDA")
    else:
        on_gpu = tuple(device.xp.asarray(side) for side in (x, y))
    pointers = []
    neighbour_counts_of = counts.neighbour_counts
    monkeypatch.setattr(
        counts,
        "neighbour_counts",
        lambda blocks, *rest, **options: pointers.append(address(blocks[0])) or neighbour_counts_of(blocks, *rest, **options),
    )
    found = neighbour_counts(*on_gpu, 3, backend="cuda")
    assert_equal_to_oracle(x, y, (3,), [found.radius], [found.n_x], [found.n_y])
    assert pointers == [address(device.resident(on_gpu[0]))]


def address(array):
    return array.ctypes.data if SIMULATED else array.data.ptr


def test_bad_values_on_the_gpu_are_named():
    x, y = (device.xp.asarray(side.copy()) for side in awkward.CASES["2+3"])
    x[7, 1] = np.nan
    with pytest.raises(InputError, match="x has 1 value that is NaN or infinite, first in row 7"):
        neighbour_counts(x, y, backend="cuda")
    with pytest.raises(InputError, match="x has 150 samples and y has 149"):
        neighbour_counts(y, y[1:], backend="cuda")


@pytest.mark.skipif(not SIMULATED, reason="on hardware the simulator is off")
def test_auto_never_takes_the_simulator():
    assert _backends.choose("auto", [np.empty((10**6, 4), np.float32)]) == "cpu-tree"
