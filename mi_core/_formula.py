"""Formulas: neighbour counts and distances in, nats out. Each function is one equation; its source stands beside it.

All give local terms (n_samples,), whose mean is the estimate. Counts exclude the point itself. Sources:

    KL87    Kozachenko & Leonenko, Probl. Inf. Transm. 23, 95 (1987)
    KSG04   Kraskov, Stoegbauer, Grassberger, Phys. Rev. E 69, 066138 (2004), doi:10.1103/PhysRevE.69.066138
    FP07    Frenzel & Pompe, Phys. Rev. Lett. 99, 204101 (2007), doi:10.1103/PhysRevLett.99.204101
    WKV09   Wang, Kulkarni, Verdu, IEEE Trans. Inf. Theory 55, 2392 (2009), doi:10.1109/TIT.2009.2016060
    R14     Ross, PLoS ONE 9, e87357 (2014), doi:10.1371/journal.pone.0087357
    GVG15   Gao, Ver Steeg, Galstyan, AISTATS (2015), arXiv:1411.2003
    CT06    Cover & Thomas, Elements of Information Theory, 2nd ed. (2006)
    GKOV17  Gao, Kannan, Oh, Viswanath, NIPS (2017), arXiv:1709.06212
    MS19    Mesner & Shalizi, IEEE Trans. Inf. Theory 67, 464 (2021), arXiv:1912.03387
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from mi_core.options import Units
from mi_core.types import FloatArray, IntArray

NATS_PER_UNIT: dict[Units, float] = {"bits": float(np.log(2.0)), "nats": 1.0}


def ksg1_local(k: int, n_x: IntArray, n_y: IntArray, n_samples: int | IntArray | None = None) -> FloatArray:
    """The first KSG estimate, KSG04 eq. (8): psi(k) + psi(N) - (psi(n_x + 1) + psi(n_y + 1)).

    Args:
        k: Neighbour order.
        n_x: (n_samples,) points strictly nearer than the k-th joint neighbour in x.
        n_y: (n_samples,) the same in y.
        n_samples: N, where n_x and n_y are those of some samples only; or for each sample how many may be counted, itself among
            them, where some are left out.
    """
    n_samples = len(n_x) if n_samples is None else n_samples
    psi = psi_beyond(int(np.max(n_samples)))
    local_mi: FloatArray = psi[k - 1] + psi[n_samples - 1] - (psi[n_x] + psi[n_y])
    return local_mi


def ksg1_ceiling(k: int, n_samples: int | IntArray) -> float:
    """Largest value, in nats, that KSG04 eq. (8) takes on data without ties: there n_x and n_y are at least k - 1."""
    psi = psi_beyond(int(np.max(n_samples)))
    return float(np.mean(psi[n_samples - 1]) - psi[k - 1])


def ksg2_local(k: int, n_x: IntArray, n_y: IntArray) -> FloatArray:
    """The second KSG estimate, KSG04 eq. (9): psi(k) - 1/k + psi(N) - (psi(n_x) + psi(n_y)).

    Args:
        k: Neighbour order.
        n_x: (n_samples,) points no farther in x than the farthest, in x, of the k joint neighbours; at least k.
        n_y: (n_samples,) the same in y.
    """
    n_samples = len(n_x)
    psi = psi_beyond(n_samples)
    local_mi: FloatArray = psi[k - 1] - 1 / k + psi[n_samples - 1] - (psi[n_x - 1] + psi[n_y - 1])
    return local_mi


def conditional_local(k: int, n_xz: IntArray, n_yz: IntArray, n_z: IntArray) -> FloatArray:
    """Conditional mutual information I(X;Y|Z), FP07: psi(k) - (psi(n_xz + 1) + psi(n_yz + 1) - psi(n_z + 1)).

    Counts (n_samples,) are of points strictly nearer than the k-th joint neighbour in (x, z), (y, z) and z.
    """
    psi = psi_beyond(len(n_z))
    local_mi: FloatArray = psi[k - 1] + psi[n_z] - (psi[n_xz] + psi[n_yz])
    return local_mi


def conditional_ceiling(k: int, n_z: IntArray) -> float:
    """Largest value that FP07 takes on data without ties and with these n_z: there n_xz and n_yz are at least k - 1."""
    psi = psi_beyond(len(n_z))
    return float(np.mean(psi[n_z]) - psi[k - 1])


def mixture_conditional_local(k_or_tied: IntArray, n_xz: IntArray, n_yz: IntArray, n_z: IntArray) -> FloatArray:
    """Conditional mutual information I(X;Y|Z) of mixtures, MS19 algorithm 1: psi(k~) - (psi(n_xz) + psi(n_yz) - psi(n_z)).

    Counts (n_samples,) are of points no farther than the k-th joint neighbour; all are at least k.

    Args:
        k_or_tied: k~, the points in the joint space: k, or more where several are as far as the k-th.
        n_xz: Points in (x, z).
        n_yz: Points in (y, z).
        n_z: Points in z.
    """
    psi = psi_beyond(len(n_z))
    local_mi: FloatArray = psi[k_or_tied - 1] + psi[n_z - 1] - (psi[n_xz - 1] + psi[n_yz - 1])
    return local_mi


def mixture_conditional_ceiling(k: int, n_z: IntArray) -> float:
    """Largest value that MS19 takes with these n_z, ties or not: n_xz and n_yz are at least k~, which is at least k."""
    psi = psi_beyond(len(n_z))
    return float(np.mean(psi[n_z - 1]) - psi[k - 1])


def multi_local(k: int, counts: Sequence[IntArray], n_samples: int | IntArray) -> FloatArray:
    """Multi-information of m sides, KSG04 eq. (23): psi(k) + (m - 1) psi(N) - sum of psi(n_i + 1).

    Counts (m, n_samples) are of points strictly nearer than the k-th joint neighbour in each side; n_samples is N, for each
    sample where some are left out.
    """
    psi = psi_beyond(int(np.max(n_samples)))
    local_mi: FloatArray = psi[k - 1] + (len(counts) - 1) * psi[n_samples - 1] - sum(psi[n_i] for n_i in counts)
    return local_mi


def ross_local(
    k: int, n_class: IntArray, nearer_class: IntArray, tied_class: IntArray, nearer: IntArray, tied: IntArray
) -> FloatArray:
    """Mutual information with class labels, R14: psi(N) + psi(k) - psi(n_class) - psi(m).

    m counts samples of any class up to the k-th neighbour of the sample's class. Where several are as far as that neighbour,
    any order of them is as likely as any other, and psi(m) is its mean over all orders: what noise too small to matter would
    give on average. So values that tie lift nothing, and the estimate never exceeds the entropy of the labels.

    Args:
        k: Neighbour order within the class.
        n_class: (n_samples,) members of the sample's class, itself included.
        nearer_class: (n_samples,) other members of the class strictly nearer than its k-th; below k.
        tied_class: (n_samples,) other members of the class exactly as far.
        nearer: (n_samples,) other samples of any class strictly nearer.
        tied: (n_samples,) other samples of any class exactly as far.
    """
    n_samples = len(nearer)
    psi = psi_beyond(n_samples)
    local_mi: FloatArray = psi[n_samples - 1] + psi[k - 1] - psi[n_class - 1]
    return local_mi - mean_psi(nearer, k - nearer_class, tied_class, tied)


def mean_psi(before: IntArray, order: IntArray, marked: IntArray, all_: IntArray) -> FloatArray:
    """Mean of psi(before + J), where J is the place of the order-th marked one of `all_` in a random order: a negative
    hypergeometric variable, whose probabilities follow each other from J = order on.

    Without any before, the mean is psi(order) + psi(all + 1) - psi(marked + 1).
    """
    psi = psi_beyond(int((before + all_).max()) + 2)
    mean: FloatArray = psi[order - 1] + psi[all_] - psi[marked]
    (rows,) = np.nonzero(before)
    mean[rows] = 0.0
    before, order, marked, all_ = (values[rows] for values in (before, order, marked, all_))
    place: IntArray = order.copy()
    left: FloatArray = np.ones(len(rows))
    probability: FloatArray = np.ones(len(rows))
    for taken in range(int(order.max(initial=0))):
        probability *= np.where(taken < order, (marked - taken) / np.maximum(all_ - taken, 1), 1.0)
    while len(rows):
        mean[rows] += probability * psi[before + place - 1]
        left = left - probability
        go_on = (left > NEGLIGIBLE) & (place < all_ - marked + order)
        mean[rows[~go_on]] += np.maximum(left, 0)[~go_on] * psi[(before + place)[~go_on] - 1]
        step = place * (all_ - marked - place + order) / (np.maximum(place - order + 1, 1) * np.maximum(all_ - place, 1))
        rows, place = rows[go_on], place[go_on] + 1
        before, order, marked, all_ = (values[go_on] for values in (before, order, marked, all_))
        left, probability = left[go_on], (probability * step)[go_on]
    return mean


def ross_ceiling(n_class: IntArray) -> float:
    """Largest value of R14, close to the entropy of the labels: m is at least k, ties or not."""
    psi = psi_beyond(len(n_class))
    return float(psi[-1] - np.mean(psi[n_class - 1]))


def mixture_local(k_or_coincident: IntArray, n_x: IntArray, n_y: IntArray) -> FloatArray:
    """Discrete-continuous mixtures, GKOV17 as their own program has it: psi(k~) + log N - psi(n_x + 1) - psi(n_y + 1).

    Algorithm 1 as printed has logarithms of n_x + 1 and n_y + 1 in place of psi, which keeps the estimate low for any N.

    Args:
        k_or_coincident: (n_samples,) k~: the neighbour order k, or where the k-th joint neighbour is at distance 0, the number
            of points that coincide with this one, itself included.
        n_x: (n_samples,) other points strictly nearer than the k-th joint neighbour in x, or those that coincide in x.
        n_y: (n_samples,) other points strictly nearer, or that coincide, in y.
    """
    n_samples = len(n_x)
    psi = psi_beyond(n_samples)
    local_mi: FloatArray = psi[k_or_coincident - 1] + np.log(n_samples) - psi[n_x] - psi[n_y]
    return local_mi


def mixture_ceiling(k: int, n_samples: int) -> float:
    """Largest value of GKOV17, ties or not: n_x and n_y are at least k - 1, or k~ - 1, which is more."""
    return float(np.log(n_samples) - psi_beyond(k)[-1])


def entropy_local(k: int, radius: FloatArray, dim: int) -> FloatArray:
    """Differential entropy, KL87 in the form of KSG04 eq. (20): psi(N) - psi(k) + d log(2 radius); radius (n_samples,) > 0."""
    psi = psi_beyond(len(radius))
    local_entropy: FloatArray = psi[-1] - psi[k - 1] + dim * (np.log(2.0) + np.log(radius))
    return local_entropy


def divergence_local(radius: FloatArray, radius_prime: FloatArray, dim: int, n_samples_prime: int) -> FloatArray:
    """Kullback-Leibler divergence, WKV09: log(M / (N - 1)) + d log(radius_prime / radius).

    Args:
        radius: (n_samples,) distance from each sample of x to the k-th other sample of x, above 0.
        radius_prime: (n_samples,) distance from each sample of x to the k-th sample of x_prime, above 0.
        dim: Dimensions.
        n_samples_prime: M, the number of samples of x_prime.
    """
    sizes = np.log(n_samples_prime) - np.log(len(radius) - 1)
    local_divergence: FloatArray = sizes + dim * (np.log(radius_prime) - np.log(radius))
    return local_divergence


def non_uniformity(offsets: FloatArray, alpha: float) -> FloatArray:
    """Local non-uniformity correction, GVG15: log of the volume around each point over that of the rotated box, where
    the rotated box, along the principal axes of the point's neighbours, is smaller by more than the factor alpha, or else 0.

    Singular values of the offsets themselves leave an error of about machine precision times their condition; eigenvalues of
    their products would square the condition.

    Args:
        offsets: (rows, k, dim) differences between each point and its k joint neighbours, k at least dim.
        alpha: Threshold, above 0 and at most 1.

    Returns:
        (rows,) corrections in nats; infinite where the neighbours lie in a flat space.
    """
    along, lengths, _ = np.linalg.svd(offsets, full_matrices=False)
    straight = np.abs(offsets).max(axis=1)
    rotated = np.abs(along).max(axis=1) * lengths
    rotated[rotated < FLAT * straight.max(axis=1, keepdims=True)] = 0.0
    with np.errstate(divide="ignore"):
        log_straight, log_rotated = np.log(straight).sum(axis=1), np.log(rotated).sum(axis=1)
    is_smaller = log_rotated < log_straight + np.log(alpha)  # never where the straight box is flat itself
    correction = np.zeros(len(offsets))
    correction[is_smaller] = log_straight[is_smaller] - log_rotated[is_smaller]
    return correction


# A side of a box, beside its longest one, that is taken for what rounding leaves of a zero. Zeros come out of the singular
# values at up to 1e-15, for they are good to a few times 2e-16 of the largest; a side of 1e-12 is good to about 1e-3.
NEGLIGIBLE = 1e-13  # probability that is left
FLAT = 1e-12


def gaussian_local(white: FloatArray, triangle: FloatArray, dim_x: int) -> FloatArray:
    """Log density ratio of Gaussians with the samples' covariances, whose mean is 0.5 log(|C_x| |C_y| / |C_xy|): CT06 theorem
    8.4.1, the entropy of a Gaussian.

    Args:
        white: (n_samples, dim_x + dim_y) orthonormal columns: Q of the QR decomposition of x and y side by side, around 0.
        triangle: (dim_x + dim_y, dim_x + dim_y) R of it, regular.
        dim_x: Dimensions of x.
    """
    of_both, of_x, of_y = (log_density(white, part) for part in (triangle, triangle[:, :dim_x], triangle[:, dim_x:]))
    return of_both - of_x - of_y


def log_density(white: FloatArray, part: FloatArray) -> FloatArray:
    """Log of the Gaussian density with the covariance of the columns white @ part (n, dim), which lie around 0, at these
    points, up to dim log(2 pi / n) / 2.

    For columns Q R, the covariance is R'R / n: its determinant comes from the diagonal of R, and the whitened points are
    Q sqrt(n). Nothing is squared first, so that the error is about machine precision times the condition of the columns.
    """
    turn, triangle = np.linalg.qr(part)
    distances = len(white) * ((white @ turn) ** 2).sum(axis=1)
    density: FloatArray = -np.log(np.abs(np.diag(triangle))).sum() - 0.5 * distances
    return density


def rank(triangle: FloatArray) -> int:
    """How many dimensions columns Q R span, from R (rows, dim); what follows from others but for `FOLLOWS` does not count.

    Columns are compared at equal length, so that their scales do not matter.
    """
    lengths = np.sqrt((triangle**2).sum(axis=0))
    values = np.linalg.svd(triangle / np.where(lengths > 0, lengths, 1.0), compute_uv=False)
    return int(np.sum(values > FOLLOWS * np.sqrt(len(lengths)) * values[0]))


# Share of a column's length, per root of the number of columns, below which what does not follow from the others is taken for
# rounding: half the spacing of float32, in which samples often were once.
FOLLOWS = 2.0**-24


def discrete_local(copies: Sequence[IntArray], copies_joint: IntArray) -> FloatArray:
    """Plug-in multi-information of discrete sides: log of p(all) / product of p(each); for two sides mutual information.

    CT06 section 2.3. Copies (n_samples,) are the samples equal to this one, itself included.
    """
    n_samples = len(copies_joint)
    local_mi: FloatArray = np.log(copies_joint / n_samples) - sum(np.log(c / n_samples) for c in copies)
    return local_mi


def discrete_conditional_local(xz: IntArray, yz: IntArray, z: IntArray, xyz: IntArray) -> FloatArray:
    """Plug-in conditional mutual information, CT06 section 2.5: log of p(xyz) p(z) / (p(xz) p(yz)), from copies."""
    local_mi: FloatArray = np.log(xyz * z / (xz * yz))
    return local_mi


def discrete_entropy_local(copies: IntArray) -> FloatArray:
    """Plug-in entropy, CT06 section 2.1: -log p."""
    local_entropy: FloatArray = np.log(len(copies) / copies)
    return local_entropy


def mean(local: FloatArray) -> float:
    """Mean of local terms (n,), rounded once: the same bits for any order of the samples, and however they are split."""
    return math.fsum(exact_sum(local)) / len(local)


def exact_sum(values: FloatArray) -> list[float]:
    """A few numbers whose sum is exactly that of values (n,).

    The leading bits of all values, as many as n of them add up to without rounding, make a part; what is left of the values
    makes the next. Rump, Ogita, Oishi, SIAM J. Sci. Comput. 31, 189 (2008), section 3.
    """
    parts: list[float] = []
    if not np.isfinite(values).all():
        return [float(values.sum())]  # as it is: infinite, or no number
    while (largest := np.abs(values).max()) > 0:
        unit = np.ldexp(1.0, int(np.frexp(largest)[1]) + len(values).bit_length())
        leading = (unit + values) - unit
        parts.append(float(leading.sum()))
        values = values - leading
    return parts


@functools.lru_cache(maxsize=4)
def psi_beyond(n_samples: int) -> FloatArray:
    """A table whose entry m is digamma(m + 1), for counts m below N: psi(1) = -gamma, psi(m + 1) = psi(m) + 1/m.

    It costs less than a digamma for each sample, and spares loading scipy.special, a third of a second.
    """
    steps = 1 / np.arange(1, n_samples, dtype=np.longdouble)
    psi: FloatArray = np.concatenate([[0.0], np.cumsum(steps)]).astype(np.float64) - np.euler_gamma
    psi.flags.writeable = False
    return psi
