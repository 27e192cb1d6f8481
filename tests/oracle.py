"""Slow, obvious, independent: neighbour counts and estimates straight from their definitions. NumPy and SciPy only."""

import functools
import math
import operator
from fractions import Fraction

import numpy as np
from scipy.special import comb, digamma
from scipy.stats import beta


def as_table(samples):
    samples = np.asarray(samples, dtype=np.float64)
    return samples.reshape(len(samples), -1)


def neighbour_counts(x, y, k, rows=None):
    """Radius, n_x, n_y of Kraskov et al. 2004, fig. 1a: distances in float64, strict inequality, the point left out.

    For all points, or for some rows of them.
    """
    x, y = as_table(x), as_table(y)
    rows = np.arange(len(x)) if rows is None else rows
    radius, n_x, n_y = np.empty(len(rows)), np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    for m, i in enumerate(rows):
        distance_x = np.delete(np.abs(x - x[i]).max(axis=1), i)
        distance_y = np.delete(np.abs(y - y[i]).max(axis=1), i)
        radius[m] = np.sort(np.maximum(distance_x, distance_y))[k - 1]
        n_x[m] = np.sum(distance_x < radius[m])
        n_y[m] = np.sum(distance_y < radius[m])
    return radius, n_x, n_y


def ksg1(x, y, k, **how):
    """The estimate of Kraskov et al. 2004, eq. (8), in nats, where samples that tie stand in any order."""
    return multi_information([x, y], k, **how)


def in_any_order(parts, sides, k, few_ties=False):
    """Mean psi (len(sides) + 1, n) of the joint order, and of the counts in each side with the point itself.

    Where one point alone is as far as the k-th neighbour they are those of k and of the counts strictly nearer; at distance 0
    those of coincident points; elsewhere means over 16 quantiles of the k-th neighbour's place among the ties.

    parts: (n, n) distances; sides: for each side, which of the parts are in it; few_ties: whether they are let be.
    """
    n = len(parts[0])
    joint, apart = np.max(parts, axis=0), [np.max([parts[part] for part in side], axis=0) for side in sides]
    radius = kth(joint, k)[:, np.newaxis]
    nearer, tied = np.array([[(d < radius).sum(1), (d == radius).sum(1)] for d in (joint, *apart)]).transpose(1, 0, 2)
    psi = np.vstack([np.full(n, digamma(k)), digamma(nearer[1:] + 1)])
    some = (tied > 1).any(axis=0) & (not few_ties)
    zero = radius[:, 0] == 0
    psi[:, some & zero] = digamma(tied + 1)[:, some & zero]
    for i in np.flatnonzero(some & ~zero):
        psi[1:, i] = psi_over_places(k, sides, tuple(nearer[:, i].tolist()), tuple(tied[:, i].tolist()))
    return psi


@functools.cache
def psi_over_places(k, sides, nearer, tied):
    """Mean psi of the count in each side over quantiles of the place u of the k-th neighbour among its ties, by bisection."""
    n, ties = np.array(nearer), np.array(tied)
    closed = dict(zip(sides, (n[1:] + 1) / (n[1:] + ties[1:] + 1), strict=True))
    inner = list(closed.values())
    if (0, 1) in closed:  # x z, z y and z
        inner = [min(closed[0, 1] / closed[1,], 1), closed[1,], min(closed[1, 2] / closed[1,], 1)]

    def reached(u, members):
        inside = np.prod([inner[j] for j in members])
        return (
            (np.prod([inner[j] + (1 - inner[j]) * u for j in members], axis=0) - inside) / (1 - inside) if inside < 1 else 0 * u
        )

    order = k - n[0]
    share = beta.ppf((np.arange(16) + 0.5) / 16, order, ties[0] - order + 1)
    low, high = np.zeros(16), np.ones(16)
    for _ in range(60):
        middle = (low + high) / 2
        is_beyond = reached(middle, range(len(inner))) > share
        low, high = np.where(is_beyond, low, middle), np.where(is_beyond, middle, high)
    inner, reach = np.array(inner)[:, np.newaxis] + 0 * low, np.array([p + (1 - p) * low for p in inner])
    found = []
    for place, side in enumerate(sides, start=1):
        rest = [j for j in range(len(inner)) if j not in side]
        (p, p_rest), (u, u_rest) = [(some[list(side)].prod(0), some[rest].prod(0)) for some in (inner, reach)]
        weights = (1 - inner) / reach
        # Joint ties: order - 1 before u, one at u, the others after; each in this side, at a place before u there, or not.
        before = (order - 1) * (u - p) * u_rest / (u * u_rest - p * p_rest)
        at = weights[rest].sum(0) / weights.sum(0) * (u - p) / u
        after = (ties[0] - order) * (u - p) * (1 - u_rest) / np.maximum(1 - u * u_rest, 1e-300)
        others = max(ties[place] - ties[0] * (1 - p[0]) / (1 - p[0] * p_rest[0]), 0) * (u - p) / max(1 - p[0], 1e-300)
        found.append(np.mean(digamma(n[place] + 1 + before + at + after + others)))
    return found


def count_nearer(points, radius):
    """For each point how many others are strictly nearer than its radius."""
    points = as_table(points)
    return [np.sum(np.abs(points - point).max(axis=1) < r) - (r > 0) for point, r in zip(points, radius, strict=True)]


def distances(points):
    """(n, n) Chebyshev distances in float64; a point is infinitely far from itself."""
    points = as_table(points)
    apart = np.array([np.abs(points - point).max(axis=1) for point in points])
    np.fill_diagonal(apart, np.inf)
    return apart


def kth(apart, k):
    return np.sort(apart, axis=1)[:, k - 1]


def ksg2(x, y, k):
    """The estimate of Kraskov et al. 2004, eq. (9), in nats; where there are no ties."""
    in_x, in_y = distances(x), distances(y)
    terms = []
    for i, joint in enumerate(np.maximum(in_x, in_y)):
        neighbours = np.argsort(joint)[:k]
        n_x = np.sum(in_x[i] <= in_x[i, neighbours].max())
        n_y = np.sum(in_y[i] <= in_y[i, neighbours].max())
        terms.append(digamma(k) - 1 / k + digamma(len(in_x)) - digamma(n_x) - digamma(n_y))
    return np.mean(terms)


def conditional(x, y, z, k, **how):
    """The estimate of Frenzel & Pompe 2007, in nats, where samples that tie stand in any order."""
    psi_k, in_xz, in_yz, in_z = in_any_order([distances(x), distances(z), distances(y)], ((0, 1), (1, 2), (1,)), k, **how)
    return np.mean(psi_k - in_xz - in_yz + in_z)


def mixture_conditional(x, y, z, k):
    """The estimate of Mesner & Shalizi 2019, in nats: every count is of points no farther, the point left out."""
    in_x, in_y, in_z = distances(x), distances(y), distances(z)
    in_xz, in_yz = np.maximum(in_x, in_z), np.maximum(in_y, in_z)
    joint = np.maximum(in_xz, in_y)
    terms = []
    for i in range(len(in_z)):
        radius = np.sort(joint[i])[k - 1]
        k_or_tied, n_xz, n_yz, n_z = (np.sum(row[i] <= radius) for row in (joint, in_xz, in_yz, in_z))
        terms.append(digamma(k_or_tied) - digamma(n_xz) - digamma(n_yz) + digamma(n_z))
    return np.mean(terms)


def ross_conditional(x, labels, z, k):
    """I(X;Y|Z) of class labels, in nats: points of other classes are infinitely far. Counts are of points nearer than the k-th
    of the class and one more, as Frenzel & Pompe 2007 have them; where others are as far, or all at 0, of points no farther.
    """
    in_x, in_z = distances(x), distances(z)
    in_xz, apart = np.maximum(in_x, in_z), np.not_equal.outer(labels, labels)
    terms = []
    for i in range(len(in_z)):
        in_class = np.where(apart[i], np.inf, in_xz[i])
        radius = np.sort(in_class)[k - 1]
        rows = in_xz[i], np.where(apart[i], np.inf, in_z[i]), in_z[i]
        if np.sum(in_xz[i] == radius) > 1 or radius == 0:
            n_xz, n_yz, n_z = (np.sum(row <= radius) for row in rows)
        else:
            n_xz, n_yz, n_z = (np.sum(row < radius) + 1 for row in rows)
        terms.append(digamma(np.sum(in_class <= radius)) - digamma(n_xz) - digamma(n_yz) + digamma(n_z))
    return np.mean(terms)


def within_classes(estimate, x, y, z, k):
    """Conditional mutual information given class labels z: the estimates within the classes, weighted by their members."""
    x, y, z = as_table(x), np.asarray(y), np.asarray(z)
    return sum(np.mean(z == one) * estimate(x[z == one], y[z == one], k) for one in set(z.tolist()))


def multi_information(sides, k, **how):
    """The estimate of Kraskov et al. 2004, eq. (23), in nats, where samples that tie stand in any order."""
    apart = [distances(side) for side in sides]
    psi_k, *in_sides = in_any_order(apart, tuple((i,) for i in range(len(sides))), k, **how)
    return np.mean(psi_k - sum(in_sides)) + (len(sides) - 1) * digamma(len(apart[0]))


def ross(x, labels, k):
    """The estimate of Ross 2014, in nats, where what is as far as the k-th of the class stands in any order."""
    apart, labels = distances(x), np.asarray(labels)
    terms = []
    for i in range(len(apart)):
        of_class = labels == labels[i]
        radius = np.sort(apart[i, of_class])[k - 1]
        nearer, tied = apart[i] < radius, apart[i] == radius
        order, marked = k - np.sum(nearer & of_class), np.sum(tied & of_class)
        places = np.arange(order, np.sum(tied) - marked + order + 1)
        weights = comb(places - 1, order - 1) * comb(np.sum(tied) - places, marked - order) / comb(np.sum(tied), marked)
        psi_m = np.sum(weights * digamma(np.sum(nearer) + places))
        terms.append(digamma(len(labels)) + digamma(k) - digamma(of_class.sum()) - psi_m)
    return np.mean(terms)


def mixture(x, y, k):
    """The estimate of Gao et al. 2017, as their own program has it, in nats."""
    in_x, in_y = distances(x), distances(y)
    terms = []
    for i, joint in enumerate(np.maximum(in_x, in_y)):
        radius = np.sort(joint)[k - 1]
        if radius == 0:
            k_or_coincident, n_x, n_y = np.sum(joint == 0) + 1, np.sum(in_x[i] == 0), np.sum(in_y[i] == 0)
        else:
            k_or_coincident, n_x, n_y = k, np.sum(in_x[i] < radius), np.sum(in_y[i] < radius)
        terms.append(digamma(k_or_coincident) + np.log(len(in_x)) - digamma(n_x + 1) - digamma(n_y + 1))
    return np.mean(terms)


def lnc(x, y, k, alpha):
    """The second estimate of Kraskov et al. plus the correction of Gao, Ver Steeg, Galstyan 2015, in nats; without ties.

    With it the error that float64 may leave in it: for each sample, the logarithm of the rotated box is as well determined as
    the smallest singular value, whose error is a few machine precisions of the largest one.
    """
    points = np.hstack([as_table(x), as_table(y)])
    corrections, conditions = [], []
    for i, row in enumerate(distances(points)):
        offsets = points[np.argsort(row)[:k]] - points[i]
        _, values, axes = np.linalg.svd(offsets)
        conditions.append(values[0] / values[-1])
        straight, rotated = (np.prod(np.abs(some).max(axis=0)) for some in (offsets, offsets @ axes.T))
        corrections.append(np.log(straight / rotated) if rotated < alpha * straight else 0.0)
    error = 16 * np.finfo(float).eps * np.mean(conditions)
    return ksg2(x, y, k) + np.mean(corrections), error


def entropy(x, k):
    """The estimate of Kozachenko & Leonenko 1987 as in Kraskov et al. 2004, eq. (20), in nats."""
    x = as_table(x)
    return digamma(len(x)) - digamma(k) + x.shape[1] * np.mean(np.log(2 * kth(distances(x), k)))


def kl_divergence(x, x_prime, k):
    """The estimate of Wang, Kulkarni, Verdu 2009, in nats."""
    x, x_prime = as_table(x), as_table(x_prime)
    nu = [np.sort(np.abs(x_prime - point).max(axis=1))[k - 1] for point in x]
    rho = kth(distances(x), k)
    return np.log(len(x_prime) / (len(x) - 1)) + x.shape[1] * np.mean(np.log(nu / rho))


def gaussian(x, y):
    """0.5 log(|C_x| |C_y| / |C_xy|) of the samples' covariances, in nats, in rational arithmetic: exact up to the logarithm."""
    x, y = as_table(x), as_table(y)
    dets = [determinant(scatter(points)) for points in (x, y, np.hstack([x, y]))]
    ratio = dets[0] * dets[1] / dets[2]
    return 0.5 * (math.log(ratio.numerator) - math.log(ratio.denominator))


def scatter(points):
    """n times the covariance, as fractions; a float is one exactly."""
    n = len(points)
    columns = [[Fraction(value) for value in column] for column in points.T.tolist()]
    centred = [[value - sum(column) / n for value in column] for column in columns]
    return [[sum(map(operator.mul, a, b)) for b in centred] for a in centred]


def determinant(matrix):
    """By elimination, for a positive matrix, whose pivots are never 0."""
    if not matrix:
        return Fraction(1)
    (pivot, *row), *below = matrix
    return pivot * determinant(
        [[value - line[0] * other / pivot for value, other in zip(line[1:], row, strict=True)] for line in below]
    )


def discrete_entropy(*sides):
    """Plug-in entropy, in nats, of all sides together."""
    rows = [tuple(row) for row in np.hstack([np.asarray(side).reshape(len(side), -1) for side in sides]).tolist()]
    shares = [rows.count(row) / len(rows) for row in set(rows)]
    return -sum(share * np.log(share) for share in shares)
