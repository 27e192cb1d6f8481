"""Counts equal the oracle's exactly: every way, precision, number of threads and tile size."""

import numpy as np
import pytest

import awkward
import oracle
from mi_core import backends, neighbour_counts
from mi_core.backends import choice, registry
from mi_core.backends.cpu import brute, filter_codes, tree
from mi_core.backends.cpu import filter as byte_filter
from mi_core.backends.cpu.workers import Workers
from mi_core.threads import available_threads

KS = (1, 3, 10)
WAYS = registry.working()
XY = (0, 1), (1, 2)


def in_dtype(name, dtype):
    x, y = awkward.CASES[name]
    return x.astype(dtype), y.astype(dtype)


def assert_equal_to_oracle(counts, x, y):
    radius, n_x, n_y = oracle.neighbour_counts(x, y, counts.k)
    np.testing.assert_array_equal(counts.radius, radius)
    np.testing.assert_array_equal(counts.n_x, n_x)
    np.testing.assert_array_equal(counts.n_y, n_y)


@pytest.mark.parametrize("backend", [*WAYS, "auto"])
@pytest.mark.parametrize(
    ("name", "dtype"), [*((name, np.float64) for name in awkward.CASES), *((name, np.float32) for name in awkward.IN_FLOAT32)]
)
def test_counts_equal_the_oracle(name, backend, dtype):
    x, y = in_dtype(name, dtype)
    ks = [k for k in KS if k < len(x)]
    for counts in neighbour_counts(x, y, ks, backend=backend, threads=2):
        assert_equal_to_oracle(counts, x, y)


@pytest.mark.parametrize("backend", WAYS)
@pytest.mark.parametrize("name", awkward.IN_FLOAT32)
def test_float32_gives_what_the_same_values_in_float64_give(name, backend):
    x, y = in_dtype(name, np.float32)
    narrow = neighbour_counts(x, y, 1, backend=backend)
    wide = neighbour_counts(x.astype(np.float64), y.astype(np.float64), 1, backend=backend)
    mixed = neighbour_counts(x, y.astype(np.float64), 1, backend=backend)
    for other in (wide, mixed):
        for field in ("radius", "n_x", "n_y"):
            np.testing.assert_array_equal(getattr(narrow, field), getattr(other, field))


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(
    "sizes", [{"tile_rows": 1, "tile_points": 4}, {"tile_rows": 7, "tile_points": 33}, {"tile_points": 1000}]
)
@pytest.mark.parametrize("name", ["5+5", "rounded", "ReLU", "wide and rounded", "two samples"])
def test_brute_force_does_not_depend_on_tiles_and_threads(name, sizes, threads):
    x, y = in_dtype(name, np.float32)
    radius, (n_x, n_y) = brute.neighbour_counts((x, y), XY, (1,), threads=threads, **sizes)
    for mine, truth in zip((radius, n_x, n_y), oracle.neighbour_counts(x, y, 1), strict=True):
        np.testing.assert_array_equal(mine[0], truth)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("tile_blocks", [1, 3, 1000])
@pytest.mark.parametrize("name", ["1+1", "2+3", "rounded 1+1", "two samples", "24+16", "wide and rounded"])
@pytest.mark.parametrize("way", [tree, byte_filter])
def test_blocks_do_not_depend_on_tiles_and_threads(way, name, tile_blocks, threads, monkeypatch):
    monkeypatch.setattr(tree, "SMALL", 0)
    x, y = in_dtype(name, np.float32)
    radius, (n_x, n_y) = way.neighbour_counts((x, y), XY, (1,), threads=threads, tile_blocks=tile_blocks)
    for mine, truth in zip((radius, n_x, n_y), oracle.neighbour_counts(x, y, 1), strict=True):
        np.testing.assert_array_equal(mine[0], truth)


@pytest.mark.parametrize("backend", WAYS)
def test_memory_order_does_not_matter(backend):
    x, y = awkward.CASES["5+5"]
    spaced = np.zeros((2 * len(x), 10))
    spaced[::2, ::2] = x
    for same in (np.asfortranarray(x), spaced[::2, ::2], x[::-1][::-1]):
        assert_equal_to_oracle(neighbour_counts(same, y, 3, backend=backend), x, y)


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64, bool, ">f4", ">f8"])
def test_every_real_dtype_counts_as_its_values(dtype):
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 100, (80, 2)).astype(dtype), rng.integers(0, 100, (80, 1)).astype(dtype)
    for backend in WAYS:
        assert_equal_to_oracle(neighbour_counts(x, y, 3, backend=backend), x.astype(np.float64), y.astype(np.float64))


@pytest.mark.parametrize("backend", WAYS)
@pytest.mark.parametrize("name", ["2+3", "rounded", "saturated tanh"])
def test_many_neighbours(name, backend):
    x, y = in_dtype(name, np.float32)
    for counts in neighbour_counts(x, y, [1, 70, len(x) - 1], backend=backend):
        assert_equal_to_oracle(counts, x, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("left_out", [False, True])
def test_gathered_neighbours_are_those_of_brute_force(dtype, left_out):
    """From MANY on, the tree gathers distances and sorts them afterwards."""
    for name in awkward.IN_FLOAT32:
        x, y = in_dtype(name, dtype)
        n = len(x)
        starts = np.arange(n) // 3 * 3
        rows = {"left_out": np.column_stack([starts, np.minimum(starts + 3, n)])} if left_out else {}
        for ks in ((tree.MANY,), (2, tree.MANY + 1), (1, 5, 16, 37)):
            if ks[-1] < n - 3:
                found, expected = (way.neighbour_counts((x, y), XY, ks, threads=1, **rows) for way in (tree, brute))
                np.testing.assert_array_equal(found[0], expected[0], err_msg=name)
                np.testing.assert_array_equal(found[1], expected[1], err_msg=name)


@pytest.mark.parametrize("backend", ["cpu-tree", "cpu-filter", "cpu-brute"])
def test_rows_left_out_are_no_neighbours_where_differences_overflow_float32(backend):
    """There a neighbour is as far in float32, infinitely, as what is left out might be taken to be."""
    rng = np.random.default_rng(0)
    x = np.float32(3e38 * (2 * rng.integers(0, 2, 120) - 1) * (1 - rng.integers(0, 9, 120) * 2.0**-20))[:, None]
    starts = np.arange(120) // 10 * 10
    left = np.column_stack([starts, starts + 10])
    apart = abs(x.astype(np.float64) - x.T)
    for row, (first, last) in enumerate(left):
        apart[row, first:last] = np.inf
    ks = 3, 50, 70, 110
    radius, _, _ = backends.neighbour_counts((x, 0 * x), XY, ks, backend=backend, threads=1, left_out=left)
    np.testing.assert_array_equal(radius, np.sort(apart, axis=1).T[np.array(ks) - 1])


def equal_in_float32(rng, kind):
    """Samples of which many are equally far in float32, and in float64 too for some kinds alone."""
    n, step = 700, 2.0**-40
    far, spread = rng.integers(0, 2, n), rng.permutation(n) * step
    x, y = {
        "differ in float64": (np.where(far, 1, spread), np.zeros(n)),  # 1 - spread is 1 in float32
        "some differ": (np.where(far, 1, spread // (60 * step) * step), np.zeros(n)),
        "two columns": (np.where(far, 1, spread), np.where(far, spread[::-1], 1)),
        "whole numbers": (rng.integers(0, 4, n), rng.integers(0, 3, n)),
        "copies": (np.repeat(rng.standard_normal(n // 50), 50), np.repeat(rng.standard_normal(n // 50), 50)),
        "zeros": (np.maximum(rng.standard_normal(n), 0), np.maximum(rng.standard_normal(n), 0)),
        "overflow": (3e38 * (2 * far - 1) * (1 - rng.integers(0, 9, n) * 2.0**-20), np.zeros(n)),
        "far apart": (np.where(far, 1 + spread * 2.0**30, -1e9), spread),
    }[kind]
    return np.float32(x)[:, None], np.float32(y)[:, None]


@pytest.mark.parametrize("left_out", [False, True])
@pytest.mark.parametrize(
    "kind", ["differ in float64", "some differ", "two columns", "whole numbers", "copies", "zeros", "overflow", "far apart"]
)
def test_gathered_neighbours_that_are_equal_in_float32(kind, left_out):
    """What is kept is nearest by the distance in float32 and, among equal ones, by the exact one."""
    rng = np.random.default_rng(0)
    sides = equal_in_float32(rng, kind)
    n = len(sides[0])
    starts = np.arange(n) // 40 * 40 if left_out else np.arange(n)
    left = np.column_stack([starts, np.minimum(starts + (40 if left_out else 1), n)])
    for order in (np.arange(n), rng.permutation(n)):
        x, y = (side[order] for side in sides)
        apart = [abs(side.astype(np.float64) - side.T) for side in (x, y)]
        joint = np.maximum(*apart)
        for row, (first, last) in enumerate(left):
            joint[row, first:last] = np.inf
        ascending = np.sort(joint, axis=1).T
        rows = {"left_out": left} if left_out else {}
        for ks in ((16,), (50,), (3, 30, 49, 50, 51, 340, 360), (20, n - 41), (1, 17, n - 30, n - 1), (n - 1,)):
            radius, counts = tree.neighbour_counts((x, y), XY, ks, threads=1, reached=True, **rows)
            np.testing.assert_array_equal(radius, ascending[np.array(ks) - 1], err_msg=str(ks))
            within = np.vstack([radius, np.nextafter(radius, np.inf)])
            expected = [[(side < r[:, None]).sum(axis=1) - (r > 0) for r in within] for side in apart]
            np.testing.assert_array_equal(counts, expected, err_msg=str(ks))


def test_gathered_neighbours_do_not_depend_on_tiles_and_threads(monkeypatch):
    monkeypatch.setattr(tree, "SMALL", 0)
    rng = np.random.default_rng(0)
    for x, y in (equal_in_float32(rng, "some differ"), np.float32(rng.standard_normal((2, 2500, 3)))):
        expected = brute.neighbour_counts((x, y), XY, (5, 40), threads=1)
        for tile_blocks, threads in ((1, 2), (3, 5), (1000, 1)):
            found = tree.neighbour_counts((x, y), XY, (5, 40), threads=threads, tile_blocks=tile_blocks)
            np.testing.assert_array_equal(found[0], expected[0])
            np.testing.assert_array_equal(found[1], expected[1])


def test_threads_reach_the_backend(monkeypatch):
    asked = []

    class Counted(Workers):
        def __init__(self, threads, *rest):
            asked.append(threads)
            super().__init__(threads, *rest)

    monkeypatch.setattr(brute, "Workers", Counted)
    x, y = awkward.CASES["5+5"]
    neighbour_counts(x, y, 3, backend="cpu-brute", threads=7)
    neighbour_counts(x, y, 3, backend="cpu-brute")
    assert asked == [7, available_threads()]


def test_several_k_come_in_the_order_asked_for():
    x, y = awkward.CASES["5+5"]
    found = neighbour_counts(x, y, [10, 1, 3, 1])
    assert [counts.k for counts in found] == [10, 1, 3, 1]
    for counts in found:
        assert_equal_to_oracle(counts, x, y)


def test_auto_chooses_by_samples_dimensions_and_a_look_at_the_data():
    rng = np.random.default_rng(0)

    def chosen(n, dim, hidden=None):
        points = rng.standard_normal((n, dim if hidden is None else hidden))
        return choice.choose("auto", [points if hidden is None else points @ rng.standard_normal((hidden, dim))])

    assert chosen(5000, 2) == chosen(500, 30) == "cpu-tree"
    assert chosen(5000, 400) == chosen(1000, 400) == chosen(5000, 40) == "cpu-filter"
    assert chosen(500, 400) == "cpu-brute"
    assert chosen(1000, 60) == "cpu-brute"
    assert chosen(1000, 60, hidden=3) == chosen(5000, 40, hidden=3) == "cpu-tree"  # so many dimensions in name only
    assert choice.choose("cpu", [rng.standard_normal((500, 400))]) == "cpu-brute"
    assert choice.choose("cpu-tree", [rng.standard_normal((500, 400))]) == "cpu-tree"


@pytest.mark.parametrize("backend", WAYS)
@pytest.mark.parametrize("threads", [1, 2])
def test_progress_ends_at_all_rows(backend, threads):
    x, y = np.random.default_rng(0).standard_normal((2, 3000, 2))
    seen = []
    neighbour_counts(x, y, 3, backend=backend, threads=threads, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1]


def test_real_activations_equal_the_oracle(activations):
    x, y = (np.load(activations / f"mlp_w100_{layer}.npy")[:1500] for layer in ("first", "last"))
    assert_equal_to_oracle(neighbour_counts(x, y, 3), x, y)
    x, y = (np.load(activations / f"relu_w50_{layer}.npy")[:1500] for layer in ("first", "last"))
    assert_equal_to_oracle(neighbour_counts(x, y, 3), x, y)


@pytest.mark.parametrize("backend", WAYS)
def test_the_example_equals_the_oracle(backend, example):
    x, y = (np.load(path) for path in example)
    assert_equal_to_oracle(neighbour_counts(x, y, 3, backend=backend), x, y)


def larger_case(name):
    """Data that fill several levels of boxes, with more dimensions than one look takes in."""
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((2500, 4))
    x, y = (np.tanh(hidden @ rng.standard_normal((4, dim)) + 0.3 * rng.standard_normal((2500, dim))) for dim in (40, 30))
    if name == "saturated":
        x, y = np.round(x, 1), np.sign(np.round(y, 0))
    elif name == "ReLU and an outlier":
        x, y = np.maximum(x, 0), np.maximum(y, 0)
        x[17] = 1e30
    elif name == "images":
        x, y = np.clip(np.round(300 * x), 0, 255) / 255, np.clip(y, -0.5, 0.5)
    elif name == "narrow":
        x, y = x[:, :2], y[:, :1]
    return x.astype(np.float32), y.astype(np.float32)


@pytest.mark.parametrize("name", ["layers", "saturated", "ReLU and an outlier", "images", "narrow"])
def test_all_ways_agree_on_larger_data(name):
    x, y = larger_case(name)
    found = {backend: neighbour_counts(x, y, [1, 3, 40], backend=backend) for backend in WAYS}
    for backend in WAYS:
        for mine, brute_force in zip(found[backend], found["cpu-brute"], strict=True):
            for field in ("radius", "n_x", "n_y"):
                np.testing.assert_array_equal(getattr(mine, field), getattr(brute_force, field))
    some = np.random.default_rng(1).choice(len(x), 40, replace=False)
    radius, n_x, n_y = oracle.neighbour_counts(x, y, 3, rows=some)
    np.testing.assert_array_equal(found["cpu-brute"][1].radius[some], radius)
    np.testing.assert_array_equal(found["cpu-brute"][1].n_x[some], n_x)
    np.testing.assert_array_equal(found["cpu-brute"][1].n_y[some], n_y)


@pytest.mark.parametrize("backend", WAYS)
def test_a_neighbour_that_only_float64_tells_apart_may_lie_in_the_next_box(backend):
    """Two blocks of 32, split along y. In float32 it is 1 from the first point to the second, and to all of the other block."""
    x = np.concatenate([[1.0, 1e-10], np.full(30, 0.5), np.arange(2.0, 34.0) * 1e-10]).astype(np.float32)
    y = np.repeat([0.0, -3.0, 0.9], [2, 30, 32]).astype(np.float32)
    assert_equal_to_oracle(neighbour_counts(x, y, 1, backend=backend), x, y)


def three_blocks(dtype):
    rng = np.random.default_rng(4)
    hidden = rng.standard_normal((300, 3))
    return tuple(np.round(hidden @ rng.standard_normal((3, dim)), 1).astype(dtype) for dim in (2, 1, 40))


def three_images(dtype):
    return tuple((np.clip(np.round(200 * block), 0, 255) / 255).astype(dtype) for block in three_blocks(np.float64))


@pytest.mark.parametrize("blocks_of", [three_blocks, three_images])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("backend", WAYS)
def test_sides_may_be_any_run_of_blocks(backend, dtype, blocks_of):
    blocks = blocks_of(dtype)
    sides = (0, 2), (1, 3), (1, 2), (0, 3)
    radius, counts, _ = backends.neighbour_counts(blocks, sides, (5, 2), backend=backend, threads=2)
    for m, k in enumerate((5, 2)):
        for (first, last), found in zip(sides, counts, strict=True):
            truth = oracle.neighbour_counts(np.hstack(blocks[first:last]), np.hstack(blocks), k)
            np.testing.assert_array_equal(radius[m], truth[0])
            np.testing.assert_array_equal(found[m], truth[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_brute_force_reads_more_dimensions_than_go_together(dtype):
    """Each run of them alone decides some of the distances."""
    rng = np.random.default_rng(8)
    x, y = (rng.standard_normal((40, dim)).astype(dtype) for dim in (2 * brute.TILE_DIMS + 3, brute.TILE_DIMS + 1))
    for start in range(0, x.shape[1], brute.TILE_DIMS):
        x[start // brute.TILE_DIMS :: 3, start] *= 5
    for counts in neighbour_counts(x, y, KS, backend="cpu-brute"):
        assert_equal_to_oracle(counts, x, y)


def within_and_at_most(points, radius):
    """Other points strictly nearer than radius (n,), and those at most as far."""
    points = oracle.as_table(points)
    apart = np.abs(points[:, np.newaxis] - points).max(axis=2)
    apart[np.diag_indices(len(points))] = np.inf
    return (apart < radius[:, np.newaxis]).sum(axis=1), (apart <= radius[:, np.newaxis]).sum(axis=1)


@pytest.mark.parametrize("how", [*WAYS, "one radius at a time"])
@pytest.mark.parametrize(("name", "dtype"), [(name, np.float32) for name in awkward.IN_FLOAT32] + [("rounded", np.float64)])
def test_points_exactly_as_far_away_are_counted_in_the_same_pass(name, dtype, how, monkeypatch):
    if how not in WAYS:  # as GPUs and clusters do
        monkeypatch.setattr(registry, "is_cuda", lambda name: True)
        monkeypatch.setattr(registry, "gpu_named", lambda name: None)
        monkeypatch.setattr(backends, "counted", lambda count, parts, backend: (count(brute, parts), backend))
    x, y = in_dtype(name, dtype)
    ks = [k for k in (10, 1, 3) if k < len(x)]
    sides = (0, 1), (0, 2), (1, 2)
    backend = how if how in WAYS else "cpu-brute"
    radius, counts, _ = backends.neighbour_counts((x, y), sides, ks, backend=backend, threads=2, reached=True)
    assert counts.shape == (3, 2 * len(ks), len(x))
    for m, k in enumerate(ks):
        np.testing.assert_array_equal(radius[m], oracle.neighbour_counts(x, y, k)[0])
        for of_side, points in zip(counts, (x, np.hstack([x, y]), y), strict=True):
            nearer, at_most = within_and_at_most(points, radius[m])
            np.testing.assert_array_equal(of_side[m], nearer)
            np.testing.assert_array_equal(of_side[len(ks) + m], at_most)


@pytest.mark.parametrize("backend", WAYS)
def test_points_as_far_away_among_those_not_left_out(backend):
    x, y = in_dtype("rounded", np.float32)
    left_out = np.column_stack([np.maximum(np.arange(len(x)) - 2, 0), np.minimum(np.arange(len(x)) + 3, len(x))])
    radius, counts, _ = backends.neighbour_counts(
        (x, y), XY, (4, 2), backend=backend, threads=1, left_out=left_out, reached=True
    )
    for of_side, points in zip(counts, (x, y), strict=True):
        apart = np.abs(oracle.as_table(points)[:, np.newaxis] - oracle.as_table(points)).max(axis=2)
        for row, (first, last) in enumerate(left_out):
            apart[row, first:last] = np.inf
        for m in range(2):
            np.testing.assert_array_equal(of_side[m], (apart < radius[m][:, np.newaxis]).sum(axis=1))
            np.testing.assert_array_equal(of_side[2 + m], (apart <= radius[m][:, np.newaxis]).sum(axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("backend", WAYS)
def test_counts_within_given_radii(backend, dtype):
    images = three_images(dtype)
    for points in (*three_blocks(dtype), np.hstack(three_blocks(dtype)), images[2], np.hstack(images)):
        some = [0.0, 0.1, 0.5, float(dtype(253 / 255)), 1.0, np.nextafter(1.0, 2.0), 30.0]
        radius = np.sort(np.random.default_rng(5).choice(some, (2, len(points))), axis=0)
        counts, name = backends.count_nearer(points, radius, backend=backend, threads=2)
        assert name == backend
        np.testing.assert_array_equal(counts, [oracle.count_nearer(points, row) for row in radius])


@pytest.mark.parametrize("steps_per_unit", [30.0, 88.4, 150.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["clipped at both ends", "grey levels"])
def test_values_at_the_ends_have_bytes_of_their_own(name, dtype, steps_per_unit):
    """Bytes rise with the values, and differ by no more steps than these do, rounded up, or else by ENDS."""
    x, _ = in_dtype(name, dtype)
    ends = filter_codes.ends_of(x, steps_per_unit)
    assert len(ends.lowest) > 0
    assert len(ends.highest) > 0
    codes = np.empty(x.shape, np.uint8)
    filter_codes.code_rows(x, np.full(x.shape[1], ends.middle), steps_per_unit, codes, 0, len(x))
    filter_codes.set_apart(x, ends, codes, 0, len(x))
    for values, found in (
        (ends.lowest, ends.bottom + np.arange(len(ends.lowest))),
        (ends.highest, ends.top - np.arange(len(ends.highest))),
    ):
        for value, code in zip(values, found, strict=True):
            np.testing.assert_array_equal(x == value, codes == code)
    values, first = np.unique(x, return_index=True)
    steps = np.subtract.outer(*2 * [codes.ravel()[first].astype(int)])
    apart = np.subtract.outer(*2 * [values.astype(np.float64)])
    assert (steps[apart > 0] >= 0).all()
    assert (steps <= np.maximum(np.ceil(apart * steps_per_unit + 1e-9), filter_codes.ENDS)).all()
