"""Wide points as the filter wants them: near points side by side, once exactly, once in 16 bits, once in bytes.

    rows    exact      a point's own dimensions side by side: the last word on a distance
    shorts  int16      the same layout, a radius is some 1,000 steps: decides all but a few pairs in 100
    codes   bytes      64 points side by side for each dimension, a radius is some 96 steps: drops most pairs, 64 at a time

Both kinds of steps are monotone in the value, so two steps differ from a true difference by less than one, and clipping only
brings values nearer to each other.

Pixels, and whatever else is bounded on both sides, have many values at both ends of their range, and most radii are a
difference of two of these. No step parts a pair at the radius from one just within, so the outermost values of such a part
have a byte each to themselves (`Ends`), for which `filter` knows all differences exactly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mi_core.backends.cpu.jit import jit
from mi_core.backends.cpu.order import lowest_and_highest
from mi_core.backends.cpu.simd import BYTES, LANES, at, larger_distance, largest, load, splat
from mi_core.backends.cpu.spatial_order import spatial_order
from mi_core.backends.cpu.workers import Workers
from mi_core.types import FloatArray, Samples

REACH = 96  # steps of a large radius (the 9th of 10); finer steps tell more, but two radii must fit a byte
TOP = 255 - REACH  # largest byte of a point, so that no difference wraps round into reach
SHORT_STEPS = 1024.0  # of the same radius in 16 bits
SHORT_TOP = 16383  # so that a difference does not overflow
SAMPLED_ROWS = 24  # whose radii set the scale
SAMPLED_POINTS = 4_000  # among which they are sought
CENTRED = 256  # points by which a dimension is centred
ENDS = 4  # values at either end of a part that have a byte each: white is 252 to 255 in scanned digits
TIED = 1e-3  # of a part's values at each end, from which that pays: white is 5 in 1,000 of such digits' pixels


class Range(NamedTuple):
    """Some of the dimensions: where they are in codes, and in rows and shorts."""

    first: int
    last: int
    first_column: int
    last_column: int


class Ends(NamedTuple):
    """The outermost values of a part of the dimensions, each alone in its code; none where few values lie there."""

    middle: float  # by which all dimensions of the part are centred
    lowest: FloatArray  # (up to ENDS,): ascending, in codes bottom, bottom + 1, ...
    highest: FloatArray  # (up to ENDS,): descending, in codes top, top - 1, ...
    bottom: int
    top: int


NO_ENDS = Ends(0.0, np.empty(0), np.empty(0), 0, TOP)


class Points(NamedTuple):
    """All points, near ones side by side; width is that of all parts of the dimensions, each filled up to whole lanes."""

    order: NDArray[np.uint32]  # (n,): the sample that each point is
    rows: Samples  # (n, width)
    shorts: NDArray[np.int16]  # (n, width)
    clipped: NDArray[np.bool_]  # (n,): whether any of the point's shorts was clipped
    codes: NDArray[np.uint8]  # (n_blocks, dims, BYTES)
    low: NDArray[np.uint8]  # (n_blocks, dims): smallest code of each block
    high: NDArray[np.uint8]  # (n_blocks, dims): and largest
    telling: NDArray[np.uint8]  # (dims, 256): of 255 points, how many are out of reach of a code in one dimension alone
    steps_per_unit: float  # of codes
    shorts_per_unit: float


def encode(parts: tuple[Samples, ...], radius: FloatArray, workers: Workers) -> tuple[Points, list[Range], list[Ends]]:
    """Points of the parts of the dimensions (n, dim), the range and the ends of each; radius has some typical radii."""
    n = len(parts[0])
    ranges = lay_out([part.shape[1] for part in parts])
    dims, width = ranges[-1].last, ranges[-1].last_column
    large, typical = scale_of(radius)
    with np.errstate(over="ignore"):
        steps_per_unit, shorts_per_unit = (min(float(steps / large), 1e300) for steps in (REACH, SHORT_STEPS))
    bytes_of_rows = np.empty((n, dims), np.uint8)
    ends = [ends_of(part, steps_per_unit) for part in parts]
    centres = [centre_of(part, steps_per_unit, own) for part, own in zip(parts, ends, strict=True)]
    for part, span, centre, own in zip(parts, ranges, centres, ends, strict=True):
        out = bytes_of_rows[:, span.first : span.last]

        def code(first: int, last: int, part: Any = part, centre: Any = centre, own: Any = own, out: Any = out) -> None:
            code_rows(part, centre, steps_per_unit, out, first, last)
            if len(own.lowest):
                set_apart(part, own, out, first, last)

        workers.for_each_tile(code, n, 1024)
    n_blocks = -(-n // BYTES)
    points = Points(
        order=spatial_order(bytes_of_rows, workers),
        rows=np.zeros((n, width), parts[0].dtype),
        shorts=np.zeros((n, width), np.int16),
        clipped=np.zeros(n, np.bool_),
        codes=np.empty((n_blocks, dims, BYTES), np.uint8),
        low=np.empty((n_blocks, dims), np.uint8),
        high=np.empty((n_blocks, dims), np.uint8),
        telling=np.empty((dims, 256), np.uint8),
        steps_per_unit=steps_per_unit,
        shorts_per_unit=shorts_per_unit,
    )
    for part, span, centre in zip(parts, ranges, centres, strict=True):

        def copy(first: int, last: int, part: Any = part, centre: Any = centre, column: int = span.first_column) -> None:
            copy_rows(part, centre, points, column, first, last)

        workers.for_each_tile(copy, n, 1024)
    workers.for_each_tile(lambda first, last: fill_blocks(bytes_of_rows, points, first, last), n_blocks, 16)
    reach = int(0.75 * REACH * (typical / large))
    workers.for_each_tile(lambda first, last: tell(points.codes, reach, points.telling, first, last), dims, 64)
    return points, ranges, ends


def lay_out(dims: list[int]) -> list[Range]:
    """Ranges of consecutive parts of the dimensions."""
    ranges, dim, column = [], 0, 0
    for more in dims:
        width = -(-more // LANES) * LANES
        ranges.append(Range(dim, dim + more, column, column + width))
        dim, column = dim + more, column + width
    return ranges


def scale_of(radius: FloatArray) -> tuple[float, float]:
    """A large and a typical one of some radii."""
    usable = radius[(radius > 0) & np.isfinite(radius)]
    if len(usable) == 0:
        return 1.0, 1.0
    large, typical = np.quantile(usable, [0.9, 0.5], method="lower")
    return float(large), float(typical)


def ends_of(points: Samples, steps_per_unit: float) -> Ends:
    """Ends of a part of the dimensions (n, dim), if many values lie at both and no code is clipped.

    Values whose steps lie too far inwards for a place in the row of those codes have none of their own.
    """
    some = points[:: max(1, len(points) // CENTRED)]
    if min(np.mean(some == some.min()), np.mean(some == some.max())) < TIED:
        return NO_ENDS
    lowest, highest = outermost(points, 1), -outermost(points, -1)
    middle = lowest[0] / 2 + highest[0] / 2
    low_codes, high_codes = (
        np.array([code_of(value, middle, steps_per_unit) for value in values]) for values in (lowest, highest)
    )
    bottom, top = low_codes[0], high_codes[0]
    if bottom == 0 or top == TOP or top - bottom < 4 * ENDS:
        return NO_ENDS
    places = np.arange(ENDS)
    lowest = lowest[np.logical_and.accumulate(low_codes <= bottom + places)]
    highest = highest[np.logical_and.accumulate(high_codes >= top - places)]
    return Ends(middle, lowest, highest, int(bottom), int(top))


def outermost(points: Samples, sign: int) -> FloatArray:
    """(ENDS,): the lowest of sign times the values of points (n, dim), each once, ascending; infinite where there are fewer."""
    found = [-np.inf]
    for _ in range(ENDS):
        found.append(float(next_above(points, points.dtype.type(found[-1]), points.dtype.type(sign))))
    return np.array(found[1:])


@jit
def next_above(points, bound, sign):
    """The lowest of sign times the values of points (n, dim) that is above a bound."""
    lowest = none = points.dtype.type(np.inf)
    for i in range(points.shape[0]):
        for dim in range(points.shape[1]):
            value = sign * points[i, dim]
            lowest = min(lowest, value if value > bound else none)
    return lowest


def centre_of(points: Samples, steps_per_unit: float, ends: Ends) -> FloatArray:
    """(dim,): the middle of each dimension's values, or of as many about their median as bytes can tell apart."""
    if len(ends.lowest):
        return np.full(points.shape[1], ends.middle)
    some = points[:: max(1, len(points) // CENTRED)].astype(np.float64)
    place = (len(some) - 1) // 2
    low, high, median = some.min(axis=0), some.max(axis=0), np.partition(some.T, place)[:, place]
    half = 0.5 * TOP / steps_per_unit
    fits = high / 2 - low / 2 <= half
    with np.errstate(over="ignore"):
        outer: FloatArray = np.clip(median, low + half, np.maximum(high - half, low + half))
    centre: FloatArray = np.where(fits, low / 2 + high / 2, outer)
    return centre


def typical_radii(parts: tuple[Samples, ...], k: int, workers: Workers) -> FloatArray:
    """Roughly the distances to the k-th neighbour of some samples, from parts of the dimensions (n, dim)."""
    n = len(parts[0])
    queries = np.arange(0, n, max(1, n // SAMPLED_ROWS))
    stride = max(1, n // SAMPLED_POINTS)
    distances = np.zeros((len(queries), -(-n // stride)), parts[0].dtype)
    for part in map(np.ascontiguousarray, parts):

        def work(first: int, last: int, part: Any = part) -> None:
            rough_distances(part, queries, stride, distances, first, last)

        workers.for_each_tile(work, len(queries), 4)
    rank = min(max(k // stride, 1), distances.shape[1] - 1)  # 0 is the query itself, or a sample beside it
    return np.partition(distances, rank, axis=1)[:, rank].astype(np.float64)


@jit
def rough_distances(points, queries, stride, distances, first, last):
    """Raise distances (n_queries, m) to those of queries first to last from every stride-th point (n, dim)."""
    dims = points.shape[1]
    whole = dims - dims % LANES
    for j in range(distances.shape[1]):
        there = j * stride * dims
        for q in range(first, last):
            here = queries[q] * dims
            lanes = splat(distances[q, j])
            for dim in range(0, whole, LANES):
                lanes = larger_distance(lanes, load(points, here + dim), load(points, there + dim))
            far = largest(lanes)
            for dim in range(whole, dims):
                far = max(far, abs(at(points, here + dim) - at(points, there + dim)))
            distances[q, j] = far


@jit
def in_steps(value, centre, steps_per_unit, low, high):
    """Whole steps from the centre, at least low and at most high; monotone in the value."""
    return np.floor(min(max((np.float64(value) - centre) * steps_per_unit, low), high))


@jit
def code_of(value, centre, steps_per_unit):
    """The byte of a value, as a whole number in float64."""
    half = 0.5 * TOP
    return in_steps(value, centre, steps_per_unit, -half, half) + half + 0.5


@jit
def code_rows(points, centre, steps_per_unit, codes, first, last):
    """Codes (n, dim) of points first to last."""
    for i in range(first, last):
        for dim in range(points.shape[1]):
            codes[i, dim] = np.uint8(code_of(points[i, dim], centre[dim], steps_per_unit))


@jit
def set_apart(points, ends, codes, first, last):
    """Give the outermost values of a part codes (n, dim) of their own, in points first to last.

    Codes only move inwards, to which end they are near: two then differ by no more than before, or else by at most ENDS.
    """
    for i in range(first, last):
        for dim in range(points.shape[1]):
            least, most = ends.bottom, ends.top
            for place in range(len(ends.lowest)):
                least += points[i, dim] > ends.lowest[place]
            for place in range(len(ends.highest)):
                most -= points[i, dim] < ends.highest[place]
            codes[i, dim] = min(max(np.int64(codes[i, dim]), least), most)


@jit
def copy_rows(part, centre, points, column, first, last):
    """Fill rows and shorts of points first to last from a part of the dimensions (n, dim), which begins at `column`."""
    for i in range(first, last):
        row = points.order[i]
        for dim in range(part.shape[1]):
            points.rows[i, column + dim] = part[row, dim]
            steps = in_steps(part[row, dim], centre[dim], points.shorts_per_unit, -float(SHORT_TOP), float(SHORT_TOP))
            points.shorts[i, column + dim] = np.int16(steps)
            points.clipped[i] |= abs(steps) >= SHORT_TOP


@jit
def fill_blocks(codes, points, first, last):
    """Fill blocks first to last, and their boxes, from codes (n, dims) in the order of the samples."""
    n, dims = codes.shape
    for block in range(first, last):
        for lane in range(BYTES):
            row = points.order[min(n - 1, block * BYTES + lane)]
            for dim in range(dims):
                points.codes[block, dim, lane] = codes[row, dim]
        for dim in range(dims):
            points.low[block, dim], points.high[block, dim] = lowest_and_highest(points.codes[block, dim])


@jit
def tell(codes, reach, telling, first, last):
    """Fill telling (dims, 256) for dimensions first to last, from a sample of blocks."""
    step = max(1, len(codes) // 64)
    up_to = np.zeros(257, np.int64)  # how many codes are smaller
    for dim in range(first, last):
        up_to[:] = 0
        for block in range(0, len(codes), step):
            for lane in range(BYTES):
                up_to[np.int64(codes[block, dim, lane]) + 1] += 1
        for code in range(256):
            up_to[code + 1] += up_to[code]
        for code in range(256):
            near = up_to[min(256, code + reach + 1)] - up_to[max(0, code - reach)]
            telling[dim, code] = np.uint8(255 * (up_to[256] - near) // up_to[256])
