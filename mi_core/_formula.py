"""Formulas: neighbour counts and distances in, nats out. Each function is one equation and names its source.

All return local terms (n_samples,), whose mean is the estimate. Counts exclude the point itself. Sources:

    KL87    Kozachenko & Leonenko, Probl. Inf. Transm. 23, 95 (1987)
    KSG04   Kraskov, Stoegbauer, Grassberger, Phys. Rev. E 69, 066138 (2004), doi:10.1103/PhysRevE.69.066138
    FP07    Frenzel & Pompe, Phys. Rev. Lett. 99, 204101 (2007), doi:10.1103/PhysRevLett.99.204101
    WKV09   Wang, Kulkarni, Verdu, IEEE Trans. Inf. Theory 55, 2392 (2009), doi:10.1109/TIT.2009.2016060
    R14     Ross, PLoS ONE 9, e87357 (2014), doi:10.1371/journal.pone.0087357
    GVG15   Gao, Ver Steeg, Galstyan, AISTATS (2015), arXiv:1411.2003
    CT06    Cover & Thomas, Elements of Information Theory, 2nd ed. (2006)
    I17     Ince et al., Human Brain Mapping 38, 1541 (2017), doi:10.1002/hbm.23471
    GKOV17  Gao, Kannan, Oh, Viswanath, NIPS (2017), arXiv:1709.06212
    MS19    Mesner & Shalizi, IEEE Trans. Inf. Theory 67, 464 (2021), arXiv:1912.03387
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mi_core._ties import Ties
from mi_core.options import Units
from mi_core.types import FloatArray, IntArray

NEGLIGIBLE = 1e-13  # probability that is left
ROUNDED_AWAY = 1e-14  # share of a sum of squares, below which a difference from it is rounding
QUANTILES = 16  # at which the place of the k-th neighbour among its ties is looked at; 100 move an estimate by up to 0.006 bits
NEWTON_STEPS, PLACE_ERROR = 50, 1e-14  # at most, and the step after which there is no next
SMALLEST = np.finfo(np.float64).tiny  # stands in for 0 in a quotient whose numerator is 0 as well

NATS_PER_UNIT: dict[Units, float] = {"bits": float(np.log(2.0)), "nats": 1.0}


def ksg1_local(k: int, n_x: IntArray, n_y: IntArray, n_samples: int | IntArray | None = None) -> FloatArray:
    """First KSG estimate, KSG04 eq. (8): psi(k) + psi(N) - (psi(n_x + 1) + psi(n_y + 1)).

    Args:
        k: Neighbour order.
        n_x: (n_samples,) points strictly nearer than the k-th joint neighbour in x.
        n_y: (n_samples,) points strictly nearer than the k-th joint neighbour in y.
        n_samples: N, if n_x and n_y cover only some samples. If samples are left out, the number that may be counted for each
            sample, itself included.
    """
    n_samples = len(n_x) if n_samples is None else n_samples
    psi = psi_beyond(int(np.max(n_samples)))
    local_mi: FloatArray = psi[k - 1] + psi[n_samples - 1] - (psi[n_x] + psi[n_y])
    return local_mi


def ksg1_ceiling(k: int, n_samples: int | IntArray) -> float:
    """Largest value of KSG04 eq. (8) on data without ties, in nats: n_x and n_y are then at least k - 1."""
    psi = psi_beyond(int(np.max(n_samples)))
    return float(np.mean(psi[n_samples - 1]) - psi[k - 1])


def ksg2_local(k: int, counts: Sequence[IntArray]) -> FloatArray:
    """Multi-information of m sides by KSG04's second algorithm: psi(k) - (m - 1) / k + (m - 1) psi(N) - sum of psi(n_i).

    For two sides this is eq. (9). Counts (m, n_samples) are the points no farther away in each side than the farthest of the k
    joint neighbours in that side; at least k.
    """
    n_samples, more = len(counts[0]), len(counts) - 1
    psi = psi_beyond(n_samples)
    local_mi: FloatArray = psi[k - 1] - more / k + more * psi[n_samples - 1] - sum(psi[n_i - 1] for n_i in counts)
    return local_mi


def conditional_local(k: int, n_xz: IntArray, n_yz: IntArray, n_z: IntArray) -> FloatArray:
    """Conditional mutual information I(X;Y|Z), FP07: psi(k) - (psi(n_xz + 1) + psi(n_yz + 1) - psi(n_z + 1)).

    Counts (n_samples,) are the points strictly nearer than the k-th joint neighbour in (x, z), (y, z) and z.
    """
    psi = psi_beyond(len(n_z))
    local_mi: FloatArray = psi[k - 1] + psi[n_z] - (psi[n_xz] + psi[n_yz])
    return local_mi


def conditional_ceiling(k: int, n_z: IntArray) -> float:
    """Largest value of FP07 with these n_z: n_xz and n_yz are at least k - 1. Of tied samples, n_z has all that are tied."""
    psi = psi_beyond(len(n_z))
    return float(np.mean(psi[n_z]) - psi[k - 1])


def mixture_conditional_local(k_or_tied: IntArray, n_xz: IntArray, n_yz: IntArray, n_z: IntArray) -> FloatArray:
    """Conditional mutual information I(X;Y|Z) of mixtures, MS19 algorithm 1: psi(k~) - (psi(n_xz) + psi(n_yz) - psi(n_z)).

    Counts (n_samples,) are the points no farther than the k-th joint neighbour; all are at least k.
    With class labels y they are the counts of FP07, points strictly nearer plus one: the formulas are the same.

    Args:
        k_or_tied: k~, the points in the joint space: k, or more if several are as far as the k-th.
        n_xz: Points in (x, z).
        n_yz: Points in (y, z).
        n_z: Points in z.
    """
    psi = psi_beyond(len(n_z))
    local_mi: FloatArray = psi[k_or_tied - 1] + psi[n_z - 1] - (psi[n_xz - 1] + psi[n_yz - 1])
    return local_mi


def mixture_conditional_ceiling(k: int, n_z: IntArray) -> float:
    """Largest value of MS19 with these n_z, with or without ties: n_xz and n_yz are at least k~, which is at least k."""
    psi = psi_beyond(len(n_z))
    return float(np.mean(psi[n_z - 1]) - psi[k - 1])


def multi_local(k: int, counts: Sequence[IntArray] | IntArray, n_samples: int | IntArray) -> FloatArray:
    """Multi-information of m sides, KSG04 eq. (23): psi(k) + (m - 1) psi(N) - sum of psi(n_i + 1).

    Counts (m, n_samples) are the points strictly nearer than the k-th joint neighbour in each side; n_samples is N, one per
    sample if some are left out.
    """
    psi = psi_beyond(int(np.max(n_samples)))
    local_mi: FloatArray = psi[k - 1] + (len(counts) - 1) * psi[n_samples - 1] - sum(psi[n_i] for n_i in counts)
    return local_mi


def correction_for_ties(
    k: int, ties: Ties, sides: Sequence[tuple[int, int]], signs: Sequence[int]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Correction for ties of terms with psi(k) and psi(n_i + 1), where n_i counts points strictly nearer.

    If several samples are as far away as the k-th neighbour, every order of them is equally likely, as with negligibly small
    noise. At distance 0 this means counting coincident samples, k~ in all sides and n_i + 1 in side i, as GKOV17 do. At other
    distances ties have positions uniform on (0, 1) in each part, and the k-th neighbour is at u, where the share F(u) of the
    joint ties has the beta distribution of an order statistic. Let p_j be the share of the box up to the radius in which part j
    is strictly nearer. If the parts are independent within the box,
    F(u) = (prod (p_j + (1 - p_j) u) - prod p_j) / (1 - prod p_j), and `ties_before` gives the ties in a side before u.

    Args:
        k: Neighbour order.
        ties: Counts around each sample.
        sides: First part of each side, and the part after its last.
        signs: 1 for a side whose psi is subtracted, -1 for a side whose psi is added.

    Returns:
        Corrections (n_samples,), exactly 0 without a tie, and whether there was a tie.
    """
    from scipy.special import betaincinv, digamma  # here, because it takes a third of a second to load

    tied = (ties.as_far_in_all > 1) | (ties.as_far > 1).any(axis=0)
    correction: FloatArray = np.zeros(len(tied))
    for rows, at_zero in ((tied & ties.at_zero, True), (tied & ~ties.at_zero, False)):
        nearer, as_far, joint = ties.nearer[:, rows], ties.as_far[:, rows], ties.as_far_in_all[rows]
        of_signs = np.array(signs)[:, np.newaxis]
        strict = digamma(k) - (of_signs * digamma(nearer + 1)).sum(axis=0)
        if at_zero:
            correction[rows] = digamma(joint + 1) - (of_signs * digamma(as_far + 1)).sum(axis=0) - strict
            continue
        open_ = open_shares((nearer + 1) / (nearer + as_far + 1), sides)
        order = k - ties.nearer_in_all[rows]
        cases, case = np.unique(np.stack([order, joint]), axis=1, return_inverse=True)  # few, and the quantiles cost most
        psi = np.zeros(len(order))
        for quantile in (np.arange(QUANTILES) + 0.5) / QUANTILES:
            share: FloatArray = betaincinv(cases[0], cases[1] - cases[0] + 1, quantile)[case.reshape(-1)]
            reach = open_ + (1 - open_) * place_of(share, open_)
            for sign, side, n, ties_in_side in zip(signs, sides, nearer, as_far, strict=True):
                psi += sign * digamma(n + 1 + ties_before(order, joint, ties_in_side, open_, reach, side)) / QUANTILES
        correction[rows] = digamma(k) - psi - strict
    return correction, tied


def open_shares(of_sides: FloatArray, sides: Sequence[tuple[int, int]]) -> FloatArray:
    """Shares p_j (parts, n) from the shares of the sides (sides, n), which are products of p_j.

    Either each side is one part, or the sides are x z, z y and z of the parts x, z, y.
    """
    if all(last == first + 1 for first, last in sides):
        return of_sides
    xz, zy, z = of_sides
    return np.stack([np.minimum(xz / z, 1.0), z, np.minimum(zy / z, 1.0)])


def ties_before(
    order: IntArray, joint: IntArray, ties_in_side: IntArray, open_: FloatArray, reach: FloatArray, side: tuple[int, int]
) -> FloatArray:
    """Mean number (n,) of ties of a side that come before the k-th neighbour in that side, if the neighbour is at u.

    Among the ties in all parts, order - 1 come before the neighbour and the others after it, though not in every side. Ties of
    the side that are farther than the radius in other parts come before it by chance, in proportion to what the side has
    reached of its ties.

    Args:
        order: Position of the k-th neighbour among the ties in all parts.
        joint: Number of ties in all parts.
        ties_in_side: Number of ties in the side.
        open_: p_j (parts, n).
        reach: p_j + (1 - p_j) u (parts, n).
        side: First part of the side, and the part after its last.
    """
    here = np.zeros(len(open_), np.bool_)
    here[slice(*side)] = True
    (p_here, p_rest), (u_here, u_rest) = ((product(some[here]), product(some[~here])) for some in (open_, reach))
    decides = (1 - open_) / reach  # as the chances that the k-th neighbour is at u in this part, and so not before itself
    elsewhere = sum(decides[~here]) / sum(decides) * (u_here - p_here) / u_here
    before = 1 - p_here * (u_rest - p_rest) / np.maximum(u_here * u_rest - p_here * p_rest, SMALLEST)
    after = (u_here - p_here) * (1 - u_rest) / np.maximum(1 - u_here * u_rest, SMALLEST)
    in_side = (1 - p_here) / (1 - p_here * p_rest)
    farther = np.maximum(ties_in_side - joint * in_side, 0.0) * (u_here - p_here) / np.where(p_here < 1, 1 - p_here, 1.0)
    number: FloatArray = (order - 1) * before + (joint - order) * after + elsewhere + farther
    return number


def place_of(share: FloatArray, open_: FloatArray) -> FloatArray:
    """Position u (n,) below which the given share F(u) of all joint ties lies, by Newton's method; open_ are p_j (parts, n).

    F has no negative coefficients. It is therefore convex, and steps from above, u = F^(1 / parts), never go below the root.
    """
    inside = product(open_)
    place: FloatArray = share ** (1 / len(open_))
    for _ in range(NEWTON_STEPS):
        reach = open_ + (1 - open_) * place
        reached = product(reach)
        step = (reached - inside - share * (1 - inside)) / (reached * sum((1 - open_) / reach))
        place = np.maximum(place - step, 0.0)
        if np.abs(step).max(initial=0.0) < PLACE_ERROR:
            break
    return place


def product(rows: FloatArray) -> FloatArray:
    """Product (n,) of a few rows (m, n), 1 for none; NumPy's product along the short axis takes ten times as long."""
    found: FloatArray = functools.reduce(np.multiply, rows, np.ones(rows.shape[1]))
    return found


def ross_local(
    k: int | IntArray,
    n_class: IntArray,
    n_samples: int | IntArray,
    nearer_class: IntArray,
    tied_class: IntArray,
    nearer: IntArray,
    tied: IntArray,
) -> FloatArray:
    """Mutual information with class labels, R14: psi(N) + psi(k) - psi(n_class) - psi(m).

    m counts samples of any class up to the k-th neighbour in the sample's class. If several are as far away as that neighbour,
    every order of them is equally likely, and psi(m) is the mean over all orders, as with negligibly small noise. So ties do
    not raise the estimate, and it never exceeds the entropy of the labels.

    Args:
        k: Neighbour order within the class, for all samples or for each.
        n_class: (n_samples,) members of the sample's class that may be counted, itself included.
        n_samples: N, one per sample if some are left out.
        nearer_class: (n_samples,) other members of the class strictly nearer than the k-th; below k.
        tied_class: (n_samples,) other members of the class exactly as far away.
        nearer: (n_samples,) other samples of any class strictly nearer.
        tied: (n_samples,) other samples of any class exactly as far away.
    """
    psi = psi_beyond(int(np.max(n_samples)))
    local_mi: FloatArray = psi[n_samples - 1] + psi[k - 1] - psi[n_class - 1]
    return local_mi - mean_psi(nearer, k - nearer_class, tied_class, tied)


def mean_psi(before: IntArray, order: IntArray, marked: IntArray, all_: IntArray) -> FloatArray:
    """Mean of psi(before + J), where J is the position of the order-th marked item among `all_` items in random order: a
    negative hypergeometric variable, whose probabilities follow a recurrence from J = order on.

    With before = 0, the mean is psi(order) + psi(all + 1) - psi(marked + 1).
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


def ross_ceiling(n_class: IntArray, n_samples: int | IntArray) -> float:
    """Largest value of R14, close to the entropy of the labels: m is at least k, with or without ties."""
    psi = psi_beyond(int(np.max(n_samples)))
    return float(np.mean(psi[n_samples - 1]) - np.mean(psi[n_class - 1]))


def mixture_local(k_or_coincident: IntArray, n_x: IntArray, n_y: IntArray, n_samples: int | IntArray) -> FloatArray:
    """Discrete-continuous mixtures, GKOV17 as in the authors' program: psi(k~) + log N - psi(n_x + 1) - psi(n_y + 1).

    Algorithm 1 in print has logarithms of n_x + 1 and n_y + 1 in place of psi, which biases the estimate down for any N.

    Args:
        k_or_coincident: (n_samples,) k~: the neighbour order k, or if the k-th joint neighbour is at distance 0, the number
            of points that coincide with this one, itself included.
        n_x: (n_samples,) other points strictly nearer than the k-th joint neighbour in x, or those that coincide in x.
        n_y: (n_samples,) other points strictly nearer than the k-th joint neighbour in y, or those that coincide in y.
        n_samples: N, one per sample if some are left out.
    """
    psi = psi_beyond(len(n_x))
    local_mi: FloatArray = psi[k_or_coincident - 1] + np.log(n_samples) - psi[n_x] - psi[n_y]
    return local_mi


def mixture_ceiling(k: int, n_samples: int | IntArray) -> float:
    """Largest value of GKOV17, with or without ties: n_x and n_y are at least k - 1, or k~ - 1, which is more."""
    return float(np.mean(np.log(n_samples)) - psi_beyond(k)[-1])


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
    """Local non-uniformity correction, GVG15: log ratio of the volume around each point to that of the rotated box along the
    principal axes of its neighbours, if the rotated box is smaller by more than the factor alpha, else 0.

    Singular values of the offsets have an error of about machine precision times their condition number; eigenvalues of
    their products would square the condition number.

    Args:
        offsets: (rows, k, dim) differences between each point and its k joint neighbours, k at least dim.
        alpha: Threshold, above 0 and at most 1.

    Returns:
        Corrections (rows,) in nats; infinite if the neighbours lie in a subspace.
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
FLAT = 1e-12


def gaussian_local(white: FloatArray, triangle: FloatArray, dim_x: int) -> FloatArray:
    """Log density ratio of Gaussians with the samples' covariances, with mean 0.5 log(|C_x| |C_y| / |C_xy|), minus its bias.

    CT06 theorem 8.4.1, the entropy of a Gaussian; I17 for the bias.

    Args:
        white: (n_samples, dim_x + dim_y) orthonormal columns: Q of the QR decomposition of centred x and y side by side.
        triangle: (dim_x + dim_y, dim_x + dim_y) nonsingular R of that decomposition.
        dim_x: Dimensions of x.
    """
    of_both, of_x, of_y = (log_density(white, part) for part in (triangle, triangle[:, :dim_x], triangle[:, dim_x:]))
    return of_both - of_x - of_y - gaussian_bias(len(white), dim_x, triangle.shape[1] - dim_x)


def gaussian_bias(n_samples: int, dim_x: int, dim_y: int) -> float:
    """Bias of the closed form from estimated covariances relative to the true ones: I17, in nats.

    The mean log determinant of a covariance from N centred samples is the true log determinant plus the sum of
    psi((N - i) / 2) for i from 1 to the number of dimensions, up to terms that cancel here.
    """
    from scipy.special import digamma  # here, because it takes a third of a second to load

    psi = digamma((n_samples - np.arange(1, dim_x + dim_y + 1)) / 2) / 2
    return float(psi[:dim_x].sum() + psi[:dim_y].sum() - psi.sum())


def log_density(white: FloatArray, part: FloatArray) -> FloatArray:
    """Log of the Gaussian density with the covariance of the centred columns white @ part (n, dim), at these points, up to
    dim log(2 pi / n) / 2.

    For columns Q R, the covariance is R'R / n: its determinant comes from the diagonal of R, and the whitened points are
    Q sqrt(n). Nothing is squared, so the error is about machine precision times the condition number of the columns.
    """
    turn, triangle = np.linalg.qr(part)
    distances = len(white) * ((white @ turn) ** 2).sum(axis=1)
    density: FloatArray = -np.log(np.abs(np.diag(triangle))).sum() - 0.5 * distances
    return density


def rank(triangle: FloatArray) -> int:
    """Number of dimensions that columns Q R span, from R (rows, dim); columns dependent within `FOLLOWS` do not count.

    Columns are scaled to equal length first, so their scales do not matter.
    """
    lengths = np.sqrt((triangle**2).sum(axis=0))
    values = np.linalg.svd(triangle / np.where(lengths > 0, lengths, 1.0), compute_uv=False)
    return int(np.sum(values > FOLLOWS * np.sqrt(len(lengths)) * values[0]))


# Share of a column's length, per root of the number of columns, below which what does not follow from the others is taken for
# rounding: half the spacing of float32, in which samples often were once.
FOLLOWS = 2.0**-24


def discrete_local(copies: Sequence[IntArray], copies_joint: IntArray) -> FloatArray:
    """Plug-in multi-information of discrete sides: log of p(all) / product of p(each); for two sides mutual information.

    CT06 section 2.3. Copies (n_samples,) count the samples equal to each one, itself included.
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
    """Mean of local terms (n,), rounded once: the bits do not depend on the order or the splitting of the samples."""
    return math.fsum(exact_sum(local)) / len(local)


def error_of_mean(n: int, total: float, squares: float) -> float:
    """Standard error of the mean of n independent terms, from their sum and that of their squares; 0 for equal terms."""
    spread = squares - total * total / n
    return math.sqrt(spread / n / (n - 1)) if n > 1 and spread > ROUNDED_AWAY * squares else 0.0


def exact_sum(values: FloatArray) -> list[float]:
    """Few numbers whose sum is exactly the sum of values (n,).

    Each number is the sum of the leading bits of all values, as many bits as add up without rounding; the remainders make the
    next number. Rump, Ogita, Oishi, SIAM J. Sci. Comput. 31, 189 (2008), section 3.
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
    """Table of digamma(m + 1) for counts m below N: psi(1) = -gamma, psi(m + 1) = psi(m) + 1/m.

    It costs less than one digamma per sample, and avoids loading scipy.special, which takes a third of a second.
    """
    steps = 1 / np.arange(1, n_samples, dtype=np.longdouble)
    psi: FloatArray = np.concatenate([[0.0], np.cumsum(steps)]).astype(np.float64) - np.euler_gamma
    psi.flags.writeable = False
    return psi
