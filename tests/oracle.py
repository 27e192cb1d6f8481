"""Slow, obvious, independent: neighbour counts and estimates straight from their definitions. NumPy and SciPy only."""

import math
import operator
from fractions import Fraction

import numpy as np
from scipy.special import comb, digamma


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


def ksg1(x, y, k):
    """The estimate of Kraskov et al. 2004, eq. (8), in nats."""
    _, n_x, n_y = neighbour_counts(x, y, k)
    return digamma(k) + digamma(len(n_x)) - np.mean(digamma(n_x + 1) + digamma(n_y + 1))


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


def conditional(x, y, z, k):
    """The estimate of Frenzel & Pompe 2007, in nats."""
    in_x, in_y, in_z = distances(x), distances(y), distances(z)
    radius = kth(np.maximum(np.maximum(in_x, in_y), in_z), k)[:, np.newaxis]
    n_xz = np.sum(np.maximum(in_x, in_z) < radius, axis=1)
    n_yz = np.sum(np.maximum(in_y, in_z) < radius, axis=1)
    n_z = np.sum(in_z < radius, axis=1)
    return digamma(k) - np.mean(digamma(n_xz + 1) + digamma(n_yz + 1) - digamma(n_z + 1))


def mixture_conditional(x, y, z, k, *, labels=False):
    """The estimate of Mesner & Shalizi 2019, in nats: every count is of points no farther, the point left out.

    labels: Whether y are class labels, infinitely far from each other.
    """
    in_x, in_z = distances(x), distances(z)
    in_y = np.where(np.equal.outer(y, y), 0.0, np.inf) if labels else distances(y)
    in_xz, in_yz = np.maximum(in_x, in_z), np.maximum(in_y, in_z)
    joint = np.maximum(in_xz, in_y)
    terms = []
    for i in range(len(in_z)):
        radius = np.sort(joint[i])[k - 1]
        k_or_tied, n_xz, n_yz, n_z = (np.sum(row[i] <= radius) for row in (joint, in_xz, in_yz, in_z))
        terms.append(digamma(k_or_tied) - digamma(n_xz) - digamma(n_yz) + digamma(n_z))
    return np.mean(terms)


def within_classes(estimate, x, y, z, k):
    """Conditional mutual information given class labels z: the estimates within the classes, weighted by their members."""
    x, y, z = as_table(x), np.asarray(y), np.asarray(z)
    return sum(np.mean(z == one) * estimate(x[z == one], y[z == one], k) for one in set(z.tolist()))


def multi_information(sides, k):
    """The estimate of Kraskov et al. 2004, eq. (23), in nats."""
    apart = [distances(side) for side in sides]
    radius = kth(np.max(apart, axis=0), k)[:, np.newaxis]
    psi = sum(digamma(np.sum(one < radius, axis=1) + 1) for one in apart)
    return digamma(k) + (len(sides) - 1) * digamma(len(radius)) - np.mean(psi)


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
    """The first estimate of Kraskov et al. plus the correction of Gao, Ver Steeg, Galstyan 2015, in nats; without ties.

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
    return ksg1(x, y, k) + np.mean(corrections), error


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
