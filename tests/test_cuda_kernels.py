"""Counts on a GPU equal the oracle's exactly.

`pytest -m gpu` runs this on hardware; `test_cuda.py` runs it in Numba's simulator, where blocks are tiny, so that a dozen
samples cross all their edges.
"""

import dataclasses

import numpy as np
import pytest

import awkward
import oracle
from mi_core import BackendUnavailableError, InputError, mutual_information, neighbour_counts
from mi_core.backends import choice
from mi_core.backends.cuda import presence

if not presence.simulated() and presence.missing():
    pytest.skip(f"backend cuda: {presence.missing()}", allow_module_level=True)

if SIMULATED := presence.simulated():
    import simulator

    simulator.use()

from mi_core.backends.cuda import counts, device, distances, order, samples, tiles, tree
from mi_core.backends.cuda import filter as filter_

pytestmark = pytest.mark.gpu

XY = (0, 1), (1, 2)
MOST = {filter_: filter_.LIST, distances: distances.LIST}  # neighbours
SAMPLES = (
    {tiles: 11, tree: 23, filter_: 18, distances: 18} if SIMULATED else dict.fromkeys((tiles, tree, filter_, distances), 1000)
)
IN_FLOAT64 = (
    ["5+5", "rounded", "duplicates", "one outlier", "offset 1e8", "near the end of float64"] if SIMULATED else awkward.CASES
)
SIMULATED_CASES = {
    filter_: ["rounded", "heavy tails", "one outlier", "denormals", "near the end of float64", "24+16", "many zeros"],
    distances: ["rounded", "heavy tails", "one outlier", "denormals", "near the end of float64", "clipped at both ends"],
}
PARTED = 72  # samples, of which an eighth is enough for an estimate
NARROW = [name for name, (x, y) in awkward.CASES.items() if x.shape[1] + y.shape[1] <= counts.TREE_UP_TO]


@pytest.fixture(params=[tiles, tree, filter_, distances], ids=["tiles", "tree", "filter", "distances"])
def way(request, monkeypatch):
    """Every space goes this way, whatever its size; what two of them cannot do goes through tiles."""

    def through(n, dim, k=None):
        return tiles if request.param in MOST and (k is None or k > MOST[request.param]) else request.param

    monkeypatch.setattr(counts, "way_through", through)
    for module in (counts, distances):
        monkeypatch.setattr(module, "CROWDED_FROM", 1.0)
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
    if SIMULATED and name not in SIMULATED_CASES.get(way, [name]):
        pytest.skip("takes seconds in the simulator")
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


def test_sides_with_many_samples_within_the_radius_are_counted_in_tiles(monkeypatch):
    x, y = some_of("24+16", np.float32, filter_)
    y[:] = 0
    passes = []
    monkeypatch.setattr(counts, "CROWDED_FROM", 0.9)
    monkeypatch.setattr(counts, "way_through", lambda n, dim, k=None: filter_ if k else passes.append(dim) or tiles)
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, (3,), threads=1)
    assert passes == [16]
    assert_equal_to_oracle(x, y, (3,), radius, n_x, n_y)


def test_dimensions_beyond_those_checked_in_steps_are_compared_exactly():
    """Only the last ones part the points."""
    n = SAMPLES[filter_]
    x = np.zeros((n, 8 * (filter_.WORDS + 1)), np.float32)
    x[:, -1] = np.random.default_rng(0).permutation(n)
    y = np.round(np.random.default_rng(1).standard_normal((n, 1)), 1).astype(np.float32)
    points = filter_.arrange([device.xp.asarray(x), device.xp.asarray(y)], 2)
    queries = device.xp.arange(n, dtype=np.int32)
    radius = filter_.find_radii(points, queries, (1, 2))
    found = filter_.count_within(points, (0, 1), queries, radius)
    order = device.to_host(points.order)
    for m, k in enumerate((1, 2)):
        truth = oracle.neighbour_counts(x[order], y[order], k)
        np.testing.assert_array_equal(device.to_host(radius)[m], truth[0])
        np.testing.assert_array_equal(device.to_host(found)[m], truth[1])


def test_where_steps_leave_much_open_all_is_counted_in_tiles(monkeypatch):
    """Whole numbers: pairs are as far apart as the radius, or a whole number farther."""
    x, y = (np.round(side) for side in some_of("24+16", np.float32, distances))
    passes = []
    monkeypatch.setattr(counts, "way_through", lambda n, dim, k=None: distances if k else passes.append(dim) or tiles)
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, (3,), threads=1)
    assert passes == [40, 24, 16]
    assert_equal_to_oracle(x, y, (3,), radius, n_x, n_y)


@pytest.mark.parametrize("radius", [0.0, 1e-300, 0.4, 3.0, 1e3, 1e300])
def test_steps_tell_what_is_surely_nearer(radius):
    """Two values in steps lie less than one step nearer or farther than they say."""
    surely, perhaps = (
        function(radius, 1.7) for function in (on_host(distances.last_nearer), on_host(distances.last_in_question))
    )
    assert (surely + 1) / 1.7 <= radius or surely == -1
    assert (perhaps + 1 - 1) / 1.7 >= radius or perhaps == 2 * distances.TOP - 1


def on_host(function):
    return function.py_func if hasattr(function, "py_func") else function


def test_bits_of_steps_are_those_of_half_precision():
    steps = np.arange(2 * distances.TOP)
    bits = [on_host(distances.bits_of)(int(step)) for step in steps]
    assert bits == steps.astype(np.float16).view(np.uint16).tolist()
    assert [on_host(distances.steps_of)(int(bit)) for bit in bits] == steps.tolist()
    assert on_host(distances.bits_of)(-1) == -1


@pytest.mark.parametrize("few", [1, 2, 3])
def test_rows_in_batches(few, monkeypatch):
    """As where the distances of all pairs would take too much memory."""
    rng = np.random.default_rng(few)
    x, y = (rng.standard_normal((18 if SIMULATED else 500, dim)).astype(np.float32) for dim in (24, 16))
    monkeypatch.setattr(counts, "way_through", lambda n, dim, k=None: distances if k else tiles)
    monkeypatch.setattr(distances, "AT_ONCE", 0)
    monkeypatch.setattr(distances, "free_bytes", lambda: few * distances.SHARE * distances.TILE * 4 * (len(x) + distances.TILE))
    filled = []
    fill = distances.fill
    monkeypatch.setattr(distances, "fill", lambda *arguments: filled.append(arguments[1:3]) or fill(*arguments))
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, (1, 3), threads=1)
    rows = few * distances.TILE
    assert filled == [(row, rows >= len(x)) for row in range(0, len(x), rows)]
    assert_equal_to_oracle(x, y, (1, 3), radius, n_x, n_y)


MANY = {
    "Gaussians": lambda values: values,
    "ReLU": lambda values: np.maximum(values, 0),
    "rounded": lambda values: values.round(1),
    "denormals": lambda values: 1e-41 * values,
    "copies": lambda values: values[np.arange(len(values)) % 97],
    "heavy tails": lambda values: values**5,
    "one wide column": lambda values: values * np.where(np.arange(values.shape[1]) == 3, 1e4, 1),
}


@pytest.mark.skipif(SIMULATED, reason="takes minutes in the simulator, whose blocks are so small that all tests have many")
@pytest.mark.parametrize("through", [filter_, distances], ids=["filter", "distances"])
@pytest.mark.parametrize("kind", MANY)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "dims"), [(257, (37, 91)), (1025, (37, 91)), (600, (200, 200))])
def test_many_blocks_of_many_dimensions(through, kind, dtype, n, dims, monkeypatch):
    """More dimensions than are ranked or loaded at a time, over several blocks, so that queues go on from block to block."""
    for module in (counts, distances):
        monkeypatch.setattr(module, "CROWDED_FROM", 1.0)
    monkeypatch.setattr(counts, "way_through", lambda n, dim, k=None: through if k else tiles)
    rng = np.random.default_rng(n)
    common = rng.standard_normal((n, 8))
    x, y = (MANY[kind](common @ rng.standard_normal((8, dim)) + rng.standard_normal((n, dim))).astype(dtype) for dim in dims)
    ks = 1, 3, through.LIST
    radius, (n_x, n_y, n_xy) = counts.neighbour_counts((x, y), (*XY, (0, 2)), ks, threads=1)
    assert_equal_to_oracle(x, y, ks, radius, n_x, n_y)
    both = np.hstack([x, y])
    assert_equal_to_oracle(both, both, ks, radius, n_xy, n_xy)


@pytest.mark.parametrize("values", [[1e-41, 3.5, -1e-45, 0.0], [1e300, 1e-41, 1e-320, -2.5]])
def test_conversion_is_that_of_numpy(values):
    """CuPy's own takes denormals of float32 for 0."""
    for source, target in ((np.float32, np.float64), (np.float64, np.float32)):
        with np.errstate(over="ignore"):
            given = np.array(values, np.float64).astype(source)
            expected = given.astype(target)
        found = device.to_host(device.converted(device.xp.asarray(given.reshape(2, 2)), target))
        np.testing.assert_array_equal(found, expected.reshape(2, 2))


def test_all_neighbours(way):
    x, y = (side[: MOST.get(way, len(side)) + 1] for side in some_of("rounded", np.float32, way))
    ks = 2, len(x) - 2, len(x) - 1
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, ks, threads=1)
    assert_equal_to_oracle(x, y, ks, radius, n_x, n_y)


@pytest.mark.parametrize("spoilt", [False, True])
def test_near_samples_come_side_by_side_in_many_dimensions(spoilt):
    """On a line through 40 dimensions, that is all there is to the order, whatever a few outliers do."""
    rng = np.random.default_rng(6)
    where = rng.permutation(50)
    points = np.outer(where, rng.standard_normal(40)) + 0.01 * rng.standard_normal((50, 40))
    if spoilt:
        points[3, 5] = 1e300
    on_gpu = device.xp.asarray(points)
    look = order.look_at(on_gpu)
    found = device.to_host(order.by_directions(on_gpu, look, order.by_spread(look)))
    assert sorted(found) == list(range(50))
    steps = np.abs(np.diff(np.delete(where[found], np.flatnonzero(found == 3))))
    assert np.median(steps) == 1


@pytest.mark.parametrize("n", sorted({2, 3, *(tiles.TILE + off for off in (-1, 0, 1)), 2 * tiles.TILE, 3 * tiles.TILE + 1}))
def test_sizes_at_the_edges_of_tiles_and_boxes(way, n):
    rng = np.random.default_rng(n)
    x, y = (np.round(rng.standard_normal((n, dim)), 1).astype(np.float32) for dim in (2, 1))
    ks = tuple(sorted({1, min(3, n - 1), min(n - 1, MOST.get(way, n))}))
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
    module, name = (distances, "fill") if way is distances else (way, "find_radii")
    work = getattr(module, name)

    def with_little_memory(*arguments):
        rows = arguments[3].shape[1] if way is distances else len(arguments[1])
        if rows > max((2 * len(x)) // 3, distances.TILE if way is distances else 0):
            raise MemoryError
        batches.append(rows)
        return work(*arguments)

    monkeypatch.setattr(module, name, with_little_memory)
    radius, (n_x, n_y) = counts.neighbour_counts((x, y), XY, (1, 3), threads=1)
    assert len(x) <= sum(batches) < len(x) + distances.TILE
    assert len(batches) > 1
    assert_equal_to_oracle(x, y, (1, 3), radius, n_x, n_y)


def test_no_memory_says_what_would_fit(monkeypatch):
    def without_memory(*_):
        raise MemoryError

    monkeypatch.setattr(tiles, "find_radii", without_memory)
    monkeypatch.setattr(counts, "free_bytes", lambda: 2**30)
    x, y = awkward.CASES["24+16"]
    wanted = r"97 samples of 40 dimensions need some 0\.0 GiB, and GPU 0 has 1\.0 GiB free: take at most 798915 samples"
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


def test_the_way_depends_on_samples_and_dimensions(monkeypatch):
    monkeypatch.setattr(counts, "UNTRIED", False)
    way = counts.way_through
    assert way(100, 1) is way(1_000, 2) is way(10**5, 10) is way(10**6, 400) is tiles
    assert way(10_000, 1) is way(10**4, 2) is way(10**6, 10) is way(2 * 10**6, 20) is tree
    assert way(10**4, 400, filter_.LIST) is filter_
    assert way(10**4, 400, filter_.LIST + 1) is way(10, 400, 3) is way(10**4, 49, 3) is tiles


def test_the_way_not_yet_tried_on_a_gpu_is_asked_for(monkeypatch):
    monkeypatch.setattr(counts, "UNTRIED", True)
    way = counts.way_through
    assert way(10**4, 400, distances.LIST) is way(100, 10, 3) is distances
    assert way(10**4, 2, 3) is way(10**6, 10, 3) is way(2 * 10**6, 20, 3) is tree
    assert way(10**4, 400) is way(10**4, 400, distances.LIST + 1) is way(10, 9, 3) is tiles
    monkeypatch.setattr(counts, "halves_in_pairs", lambda: False)
    assert way(10**4, 400, 3) is filter_


def test_the_public_functions_count_on_the_gpu():
    x, y = some_of("2+3", np.float32, tiles)
    seen = []
    found = neighbour_counts(x, y, 3, backend="cuda", progress=lambda done, total: seen.append((done, total)))
    assert found.backend == "cuda"
    assert_equal_to_oracle(x, y, (3,), [found.radius], [found.n_x], [found.n_y])
    assert len(seen) > 1
    assert seen[-1][0] == seen[-1][1]


@pytest.fixture
def taken_from(monkeypatch):
    """Addresses of the first block of each count."""
    addresses = []
    neighbour_counts_of = counts.neighbour_counts

    def counted(blocks, *rest, **options):
        addresses.append(address(blocks[0].array))
        return neighbour_counts_of(blocks, *rest, **options)

    monkeypatch.setattr(counts, "neighbour_counts", counted)
    return addresses


def address(array):
    return array.values.ctypes.data if SIMULATED else array.data.ptr


@pytest.mark.parametrize("library", ["cupy", "torch", "jax"])
def test_arrays_on_the_gpu_are_taken_where_they_are(library, taken_from):
    """In the simulator a stand-in plays CuPy."""
    x, y = some_of("2+3", np.float32, tiles)
    if SIMULATED and library != "cupy":
        pytest.skip("the simulator has no memory of its own to share")
    if library == "torch":
        torch = pytest.importorskip("torch")
        on_gpu = tuple(torch.from_numpy(side).cuda().requires_grad_() for side in (x, y))
    elif library == "jax":
        jax = pytest.importorskip("jax")
        on_gpu = tuple(jax.numpy.asarray(side) for side in (x, y))
        if jax.default_backend() != "gpu":
            pytest.skip("jax is installed without CUDA")
    else:
        on_gpu = tuple(device.xp.asarray(side) for side in (x, y))
    found = neighbour_counts(*on_gpu, 3, backend="cuda")
    assert_equal_to_oracle(x, y, (3,), [found.radius], [found.n_x], [found.n_y])
    assert taken_from == [address(device.resident(on_gpu[0]))]


@pytest.mark.parametrize("given", [False, True])
def test_an_estimate_with_its_error_bar_stays_on_the_gpu(given, taken_from, monkeypatch):
    monkeypatch.setattr(counts, "way_through", lambda n, dim, k=None: tree)
    x, y = (side[-PARTED:].astype(np.float32) for side in awkward.CASES["1+1"])
    z = {"given": np.roll(x, 3)} if given else {}
    z_on_gpu = {name: device.xp.asarray(side) for name, side in z.items()}
    on_gpu = device.xp.asarray(x), device.xp.asarray(y)
    found = mutual_information(*on_gpu, **z_on_gpu, k=1, by_size=True, backend="cuda")
    expected = mutual_information(x, y, **z, k=1, by_size=True, backend="cpu")
    assert found == dataclasses.replace(expected, backend="cuda", seconds=found.seconds)
    assert taken_from[0] == address(on_gpu[0])  # and then those of the parts, which raise an error where they lie on the host
    assert len(taken_from) > 20


def test_samples_of_the_host_go_to_the_gpu_once(taken_from, monkeypatch):
    monkeypatch.setattr(counts, "way_through", lambda n, dim, k=None: tree)
    x, y = (side[-PARTED:].astype(np.float32) for side in awkward.CASES["1+1"])
    sent = []
    to_device = samples.to_device
    monkeypatch.setattr(samples, "to_device", lambda values: sent.append(values) or to_device(values))
    found = mutual_information(x, y, k=1, backend="cuda")
    assert found == dataclasses.replace(mutual_information(x, y, k=1, backend="cpu"), backend="cuda", seconds=found.seconds)
    assert [values.dtype for values in sent if isinstance(values, np.ndarray) and values.ndim == 2] == [np.float32] * 2
    assert len(taken_from) > 10


def test_what_the_gpu_cannot_hold_is_counted_from_the_host(monkeypatch):
    def without_memory(_):
        raise MemoryError

    x, _ = some_of("2+3", np.float32, tree)
    on_gpu = samples.held(x, None)
    monkeypatch.setattr(samples, "to_device", without_memory)
    monkeypatch.setattr(samples, "as_samples", without_memory)
    rows = np.array([3, 1])
    assert samples.held(x, None) is x
    assert samples.from_gpu(on_gpu.array, "x") is None
    np.testing.assert_array_equal(on_gpu[rows], x[rows])
    np.testing.assert_array_equal(on_gpu.take(rows), x[rows])
    assert on_gpu.astype(np.float64).dtype == np.float64


@pytest.mark.parametrize(
    "options",
    [{"noise": 0.1}, {"estimator": "mixture"}, {"estimator": "gaussian"}, {"standardize": "sides"}, {"permutations": 3}],
)
def test_what_needs_the_host_is_taken_there(options):
    x, y = some_of("1+1", np.float32, tree)
    found = mutual_information(device.xp.asarray(x), device.xp.asarray(y), k=1, backend="cuda", **options)
    expected = mutual_information(x, y, k=1, backend="cpu", **options)
    counted = "none" if found.k is None else "cuda"
    assert found == dataclasses.replace(expected, backend=counted, seconds=found.seconds)


def test_samples_of_other_kinds_become_floats_on_the_gpu():
    x, y = (np.round(20 * side).astype(np.int8) for side in some_of("2+3", np.float32, tiles))
    found = neighbour_counts(device.xp.asarray(x[:, np.newaxis]), device.xp.asarray(y), 2, backend="cuda")
    floats = x.astype(np.float32), y.astype(np.float32)
    assert_equal_to_oracle(*floats, (2,), [found.radius], [found.n_x], [found.n_y])


def test_bad_values_on_the_gpu_are_named():
    x, y = (device.xp.asarray(side.copy()) for side in awkward.CASES["2+3"])
    x[7, 1] = np.nan
    for estimate in (neighbour_counts, mutual_information):
        with pytest.raises(InputError, match="x has 1 value that is NaN or infinite, first in row 7"):
            estimate(x, y, backend="cuda")
        with pytest.raises(InputError, match="x has 150 samples and y has 149"):
            estimate(y, y[1:], backend="cuda")
        with pytest.raises(InputError, match=r"x is empty, shape \(0, 3\)"):
            estimate(y[:0], y, backend="cuda")


def test_ties_and_constants_on_the_gpu_are_taken_as_elsewhere():
    x, y = (np.round(side[:60]) for side in awkward.CASES["2+3"])
    expected = mutual_information(x, y, backend="cpu-brute", error_bar=False).mi
    on_gpu = device.xp.asarray(x), device.xp.asarray(y)
    assert mutual_information(*on_gpu, backend="cuda", error_bar=False).mi == expected
    assert mutual_information(on_gpu[0], 0 * on_gpu[1], backend="cuda").mi == 0


def test_one_gpu_may_be_named(monkeypatch):
    x, y = some_of("2+3", np.float32, tiles)
    used = []
    on_gpu = device.on_gpu
    monkeypatch.setattr(counts, "on_gpu", lambda index: used.append(index) or on_gpu(index))
    monkeypatch.setattr(counts, "SPLIT_FROM", 0.0)
    monkeypatch.setattr(counts, "number_of_gpus", lambda: 2)
    found = neighbour_counts(x, y, 3, backend="cuda:0")
    assert found.backend == "cuda:0"
    assert used == [0]
    assert_equal_to_oracle(x, y, (3,), [found.radius], [found.n_x], [found.n_y])
    with pytest.raises(BackendUnavailableError, match="cuda:7 cannot run here: there is no GPU 7"):
        neighbour_counts(x, y, 3, backend="cuda:7")


@pytest.mark.skipif(not SIMULATED, reason="on hardware the simulator is off")
def test_auto_never_takes_the_simulator():
    assert choice.choose("auto", [np.empty((10**6, 4), np.float32)]) == "cpu-tree"
