"""Lower bounds and shared directions: never more than there is, near it where correlations carry it, nothing from nothing."""

import dataclasses

import numpy as np
import pytest
from scipy.special import logsumexp, ndtri
from scipy.stats import rankdata

import awkward
from mi_core import InputError, lower_bound, mutual_information
from mi_core import shared_directions as sd
from mi_core._prepare import Prepared
from mi_core.halves import as_one
from mi_core.lower_bound import copies_together
from mi_core.ranks import Ranks
from mi_core.sampling import INDEPENDENT, Groups, Series
from mi_core.shared_directions import SharedDirections, shared_directions


def shared_in_some(n, bits, shared, width, seed=0):
    """So many bits in `shared` pairs of Gaussian columns, among `width` columns a side."""
    rng = np.random.default_rng(seed)
    rho = np.sqrt(1 - 2 ** (-2 * bits / shared))
    x, y = rng.standard_normal((2, n, width))
    y[:, :shared] = rho * x[:, :shared] + np.sqrt(1 - rho**2) * y[:, :shared]
    return x, y


def bound_of(x, y, critic=True, **options):
    return mutual_information(x, y, lower_bound=critic, error_bar=False, **options).lower_bound


# What the bound is worth


@pytest.mark.parametrize(
    ("shared", "width", "at_least"),
    [(3, 50, 2.55), (10, 10, 2.7), (3, 200, 2.0)],  # a prototype measured 2.8, 2.95, 1.7
)
def test_three_bits_in_wide_layers_are_found(shared, width, at_least):
    """KSG reads 0.2, 1.3 and 0.0 of them."""
    bound = bound_of(*shared_in_some(2000, 3.0, shared, width))
    assert at_least < bound.mi < 3.0 + 3 * bound.stderr
    assert bound.kind == "directions"
    assert bound.directions == pytest.approx(shared, abs=1)
    assert bound.ceiling == pytest.approx(np.log2(400))


def test_columns_bent_one_by_one_change_next_to_nothing():
    """Normal scores undo any increasing map of a column."""
    x, y = shared_in_some(1000, 3.0, 3, 20)
    assert bound_of(np.sinh(2 * x), np.exp(y)).mi == pytest.approx(bound_of(x, y).mi, abs=1e-6)


def test_large_directions_that_are_not_shared_hide_nothing():
    rng = np.random.default_rng(1)
    latent_x, latent_y = shared_in_some(2000, 3.0, 3, 6)
    turn_x, turn_y = (np.linalg.qr(rng.standard_normal((100, 6)))[0] for _ in range(2))
    scales = [1.0, 1.0, 1.0, 10.0, 10.0, 10.0]
    x, y = (latent_x * scales) @ turn_x.T, (latent_y * scales) @ turn_y.T
    assert mutual_information(x, y, error_bar=False).mi < 0.1
    assert bound_of(x, y).mi > 2.6


@pytest.mark.parametrize("copies", [1, 20])
def test_columns_that_copy_others_change_next_to_nothing(copies):
    """Between them lie directions of no variance, along which rounding is all that is left."""
    x, y = shared_in_some(2000, 3.0, 3, 50)
    plain, copied = bound_of(x, y), bound_of(*(np.hstack([side, side[:, :copies]]) for side in (x, y)))
    assert copied.mi == pytest.approx(plain.mi, abs=0.1)
    assert copied.stderr < 0.1


def test_dependence_through_a_common_scale_is_seen_by_the_radii():
    """Student-t with two degrees of freedom in 2 + 2 columns without correlation: 0.62 bits at one degree, 0.28 at two."""
    rng = np.random.default_rng(0)
    scale = np.sqrt(2 / rng.chisquare(2, (3000, 1)))
    x, y = (rng.standard_normal((3000, 2)) * scale for _ in range(2))
    bound = bound_of(x, y)
    assert bound.kind == "radii"
    assert bound.directions is None
    assert bound.mi == pytest.approx(0.28, abs=0.08)


def test_near_the_ceiling_of_fifths_halves_show_more():
    x, y = shared_in_some(2000, 9.0, 5, 5)
    bound = bound_of(x, y)
    assert bound.ceiling == pytest.approx(np.log2(1000))
    assert 7.0 < bound.mi < 9.0


def independent(kind, n, dim, rng):
    """One side of independent data."""
    if kind == "heavy":
        return rng.standard_t(1, (n, dim))
    if kind == "scales":
        return rng.standard_normal((n, dim)) / np.sqrt(rng.chisquare(3, (n, 1)))
    if kind == "few directions":
        return rng.standard_normal((n, 3)) @ rng.standard_normal((3, dim)) + 0.1 * rng.standard_normal((n, dim))
    return np.maximum(rng.standard_normal((n, dim)) - 0.5, 0.0)


@pytest.mark.parametrize("kind", ["heavy", "scales", "few directions", "relu"])
@pytest.mark.parametrize(("n", "dim_x", "dim_y"), [(200, 2, 40), (1000, 30, 100)])
def test_independent_sides_share_nothing(kind, n, dim_x, dim_y):
    rng = np.random.default_rng(n)
    x, y = independent(kind, n, dim_x, rng), independent(kind, n, dim_y, rng)
    found = mutual_information(x, y, lower_bound=True, reduce="cca:2")
    assert found.lower_bound.mi <= max(0.003, 3 * found.lower_bound.stderr)
    assert not found.falls_short
    assert abs(found.reduced.mi) < 4 * found.reduced.stderr


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("times", [2, 3, 5, 8])
def test_copies_of_rows_are_no_dependence(times, seed):
    """Copies 3 and 5 times come as each other's neighbours: the radii read 0.6 bits if all are counted."""
    rng = np.random.default_rng(seed)
    once = rng.standard_normal((2, 600 // times, 4))
    x, y = (np.repeat(side, times, axis=0) for side in once)
    order = rng.permutation(len(x))
    copied = bound_of(x[order], y[order])
    nearly = bound_of(*(side + 1e-3 * rng.standard_normal(side.shape) for side in (x, y)), groups=np.arange(len(x)) // times)
    for bound in (copied, nearly):
        assert bound.mi <= 3 * bound.stderr
        assert bound.stderr < 0.1


def one_tie_a_side(x):
    x[0, 0], x[1, 2] = x[0, 1], x[1, 3]
    return x


@pytest.mark.parametrize(
    ("times", "change"),
    [
        (3, lambda x: np.round(x, 2)),
        (3, one_tie_a_side),
        (3, lambda x: np.maximum(x, 0)),
        ("1 to 12", lambda x: x[:, :150]),
    ],
)
def test_copies_are_found_among_values_that_recur_and_whatever_their_number(times, change):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        once = change(rng.standard_normal((2, 300, 1)))
        most = 0 if times == 3 else int(times.split()[-1])
        how_often = rng.integers(1, most + 1, len(once[0])) if most else np.full(len(once[0]), 3)
        rows = rng.permutation(np.repeat(np.arange(len(once[0])), how_often))
        bound = bound_of(*once[:, rows])
        assert bound.mi <= 3 * bound.stderr


@pytest.mark.parametrize("jitter", [1e-6, 1e-2])
def test_rows_that_nearly_recur_claim_little(jitter):
    """Triples of a row with a little noise of their own, in any order: three neighbours read 0.6 bits, and none is shared."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, y = (np.repeat(rng.standard_normal((200, 2)), 3, axis=0) + jitter * rng.standard_normal((600, 2)) for _ in "xy")
        order = rng.permutation(600)
        assert bound_of(x[order], y[order]).mi < 0.2


def test_noise_hides_no_copies():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 100, 1))[:, rng.permutation(np.repeat(np.arange(100), 10))]
    found = mutual_information(x, y, noise=1e-6, lower_bound=True, error_bar=False)
    assert found.lower_bound.mi <= 3 * found.lower_bound.stderr
    assert any("keep one of its copies" in note for note in found.notes)


@pytest.mark.parametrize(("held", "noise"), [(3, 0.0), (5, 0.0), (4, 1e-3)])
def test_a_series_that_is_held_shows_no_dependence(held, noise):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, y = np.repeat(rng.standard_normal((2, 300, 1)), held, axis=1)
        bound = bound_of(x + noise * rng.standard_normal(x.shape), y + noise * rng.standard_normal(y.shape), series=True)
        assert bound.mi <= 3 * bound.stderr


def test_a_side_that_is_constant_in_one_sample_of_each_group_has_a_bound():
    x, y = np.zeros(200), np.random.default_rng(0).standard_normal(200)
    x[7] = 1
    for seed in range(3):
        assert bound_of(x, y, groups=np.repeat(np.arange(50), 4), seed=seed).mi == 0


def test_what_recurs_by_itself_keeps_its_bound():
    """64 words, each with a place on either side: 6 bits."""
    rng = np.random.default_rng(0)
    words, *places = rng.integers(0, 64, 1000), *rng.standard_normal((2, 64, 8))
    assert bound_of(*(place[words] for place in places)).mi > 5.5


def test_values_that_recur_are_no_copies():
    rng = np.random.default_rng(0)
    few = Prepared(*rng.integers(0, 30, (2, 500, 1)).astype(float))
    many = Prepared(*np.repeat(rng.standard_normal((2, 20, 3)), 30, axis=1))
    for samples in (few, many, Prepared(*rng.standard_normal((2, 60, 2)), sampling=Groups(np.arange(60) // 2))):
        assert copies_together(samples) is samples
    dead = Prepared(*(np.concatenate([np.zeros((40, 2)), rng.standard_normal((60, 2))[np.arange(60) // 2]]) for _ in range(2)))
    assert copies_together(dead).sampling.units == 40 + 30
    with pytest.raises(InputError, match="a lower bound needs at least 40 samples, and of 60 here only 20 are different"):
        bound_of(*np.repeat(rng.standard_normal((2, 20, 3)), 3, axis=1))


# The formula


def test_the_bound_is_that_of_van_den_oord_and_others():
    """Against a slow evaluation in float64."""
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, 300, 4))
    scores = left @ right.T
    expected = np.diag(scores) - (logsumexp(scores, axis=1) - np.log(300))
    np.testing.assert_allclose(lower_bound.info_nce(left, right), expected, atol=1e-5)


@pytest.mark.parametrize(("size", "offset"), [(1e9, 0), (1e4, 0), (1e4, 1000)])
def test_rounding_never_lifts_a_bound_above_its_ceiling(size, offset):
    class Square:
        def fit(self, x, y, rng):
            return lambda x, y: (np.hstack([2 * size * x, np.full_like(x, -size)]), np.hstack([y, y**2]))

    x = np.random.default_rng(0).standard_normal((400, 1)) + offset
    bound = bound_of(x, x, Square())
    assert 6.5 < bound.mi <= bound.ceiling + 1e-9


def test_strips_change_nothing(monkeypatch):
    left, right = np.random.default_rng(0).standard_normal((2, 301, 4))
    whole = lower_bound.info_nce(left, right)
    monkeypatch.setattr(lower_bound, "SCORES_AT_ONCE", 301 * 7)
    np.testing.assert_allclose(lower_bound.info_nce(left, right), whole, atol=1e-6)


def test_the_critic_is_the_log_ratio_of_gaussians_but_for_terms_of_x():
    rng = np.random.default_rng(0)
    x, y, rho = rng.standard_normal((50, 2)), rng.standard_normal((50, 2)), np.array([0.9, -0.3])
    left, right = lower_bound.gaussian_embeddings(x, y, rho)
    u, v = x[:, np.newaxis], y[np.newaxis]
    exact = (-0.5 * np.log(1 - rho**2) - (rho**2 * (u**2 + v**2) - 2 * rho * u * v) / (2 * (1 - rho**2))).sum(axis=2)
    difference = exact - left @ right.T
    np.testing.assert_allclose(difference - difference[:, :1], 0.0, atol=1e-10)


def test_a_bound_is_at_most_log_n_and_never_below_0():
    x = np.random.default_rng(0).standard_normal((40, 3))
    assert bound_of(x, x).mi <= np.log2(20)
    assert bound_of(*awkward.gaussian(np.random.default_rng(0), 40, 3, 3)).mi == 0.0


def test_its_error_is_the_spread_over_data_sets():
    bounds = [bound_of(*shared_in_some(500, 2.0, 2, 10, seed=seed)) for seed in range(24)]
    assert np.std([bound.mi for bound in bounds], ddof=1) == pytest.approx(
        np.mean([bound.stderr for bound in bounds]), rel=0.45
    )


def test_radii_are_taken_only_where_chance_does_not_explain_that_they_share_more():
    directions = lower_bound.LowerBound(1.0, 0.03, 9.0, "bits", "directions", 2)
    radii = dataclasses.replace(directions, stderr=0.04, kind="radii", directions=None)
    assert lower_bound.larger(directions, dataclasses.replace(radii, mi=1.19)).kind == "directions"
    assert lower_bound.larger(directions, dataclasses.replace(radii, mi=1.21)).kind == "radii"


def test_an_error_bar_that_is_small_by_chance_does_not_choose_the_radii():
    """One of 240 draws of independent sides read 0.134 bits with an error bar of 0.030; such estimates spread by 0.056."""
    read = mutual_information(*awkward.correlated(np.random.default_rng(0), 300, 1, 0.1))
    read = dataclasses.replace(read, mi=0.134, stderr=0.030)
    radii = lower_bound.by_radii(read)
    assert radii.stderr == pytest.approx(0.0583, abs=1e-3)
    assert lower_bound.larger(lower_bound.LowerBound(0.0, 0.0, 9.0, "bits", "directions", 0), radii).kind == "directions"
    assert lower_bound.by_radii(dataclasses.replace(read, stderr=0.1)).stderr == 0.1
    assert lower_bound.by_radii(dataclasses.replace(read, independent_units=30)).stderr == pytest.approx(0.184, abs=1e-3)


def test_radii_are_distances_from_the_middle_in_units_of_each_column():
    """Columns 100 times wider, or moved, count alike; a sample in the middle has the least radius of the others, not 0."""
    points = np.array([[-2.0, 0.0], [-1.0, 1.0], [0.0, 0.0], [1.0, -1.0], [2.0, 3.0]])
    found = lower_bound.log_radii(points * [1.0, 100.0] + [0.0, 7.0], np.random.default_rng(0))
    np.testing.assert_allclose(np.exp(2 * found[:, 0]), [4.0, 2.0, 1.0, 2.0, 13.0], rtol=1e-12)
    assert np.isfinite(
        lower_bound.log_radii(np.array([[1e307, 0.0], [0.0, 1.0], [0.0, 2.0], [1.0, 0.0]]), np.random.default_rng(0))
    ).all()


# Nothing is fitted on what is measured


def test_a_part_is_measured_by_what_the_others_fitted():
    seen = []

    def critic(fitted, rest, rng):
        seen.append((set(fitted), set(rest)))
        return np.zeros((len(rest), 1)), np.zeros((len(rest), 1))

    x = np.zeros((103, 1))
    assert lower_bound.by_critic(critic, Prepared(x, x), "own", "bits", np.random.default_rng(0)).mi == 0.0
    assert [len(rest) for _, rest in seen] == [51, 20, 20, 20, 20, 20]  # a half says that fifths will do
    assert all(not fitted & rest and len(fitted | rest) == 103 for fitted, rest in seen)
    assert len(set.union(*(rest for _, rest in seen[1:]))) == 100


def test_scores_that_are_no_numbers_are_refused():
    class Huge:
        def fit(self, x, y, rng):
            return lambda a, b: (1e200 * a, 1e150 * b)

    x, y = shared_in_some(200, 1.0, 1, 1)
    with pytest.raises(InputError, match="inner products are not finite"):
        bound_of(x, y, critic=Huge())


def test_a_bound_stays_below_its_ceiling_where_parts_differ():
    """Thirteen groups make halves of seven and of six, of which a critic that knows every partner tells all there is."""

    def critic(fitted, rest, rng):
        return 50 * np.eye(len(rest)), np.eye(len(rest))

    x = np.zeros((650, 1))
    samples = Prepared(x, x, sampling=Groups(np.arange(650) // 50))
    bound = lower_bound.by_critic(critic, samples, "own", "bits", np.random.default_rng(0), parts=(lower_bound.HALVES,))
    assert np.log2(300) < bound.mi
    assert bound.mi <= bound.ceiling + 1e-9


def test_radii_do_not_meet_the_period_of_a_design():
    """One row in four is of another condition; among every second row, one in two, and the median would fall between them."""
    rng = np.random.default_rng(0)
    scale, other = np.exp(rng.standard_normal((2000, 1))), np.arange(2000) % 4
    x, y = (
        scale * rng.standard_normal((2000, 20)) + np.where(other, 0, 30)[:, np.newaxis],
        scale * rng.standard_normal((2000, 20)),
    )
    order = rng.permutation(2000)
    in_order, permuted = bound_of(x, y), bound_of(x[order], y[order])
    assert in_order.mi == pytest.approx(permuted.mi, abs=0.1)


def test_directions_beyond_what_the_bound_can_show_are_left_out():
    """Sixty pairs of 2 bits each, twelve of which promise four times the ceiling of 9 bits and more."""
    x, y = shared_in_some(1000, 120.0, 60, 60)
    samples = Prepared(x, y)
    critic = lower_bound.DirectionsCritic(Ranks(x), Ranks(y), INDEPENDENT)
    few = lower_bound.by_critic(critic, samples, "directions", "bits", np.random.default_rng(0))
    assert max(critic.used) < 40
    all_of_them = lower_bound.DirectionsCritic(Ranks(x), Ranks(y), INDEPENDENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lower_bound, "ENOUGH", np.inf)
        most = lower_bound.by_critic(all_of_them, samples, "directions", "bits", np.random.default_rng(0))
    assert min(all_of_them.used) > 50
    assert most.mi - 0.05 < few.mi <= few.ceiling


@pytest.mark.parametrize("change", ["x", "y"])
def test_scores_and_directions_do_not_look_at_the_rest(change):
    """Other values in the rows that are measured leave the embeddings of the rows that stay as they were."""
    x, y = shared_in_some(400, 3.0, 2, 8)
    rows = np.arange(300), np.arange(300, 400)
    before = SharedDirections(Ranks(x), Ranks(y), INDEPENDENT).along(*rows, np.random.default_rng(0))
    side = {"x": x, "y": y}[change]
    side[350:] = 1e3 * np.random.default_rng(1).standard_normal(side[350:].shape)
    after = SharedDirections(Ranks(x), Ranks(y), INDEPENDENT).along(*rows, np.random.default_rng(0))
    for one, other in zip(before[:2], after[:2], strict=True):
        np.testing.assert_array_equal(one[:50], other[:50])
    np.testing.assert_array_equal(before[2], after[2])


@pytest.mark.parametrize("name", ["5+5", "ReLU", "a constant column", "duplicates"])
def test_scores_are_gaussian_quantiles_of_mean_ranks(name):
    points = next(case for case in ([awkward.CASES[name]] if name in awkward.CASES else [awkward.CASES["ReLU"]]))[0]
    n = len(points)
    fitted = np.sort(np.random.default_rng(0).permutation(n)[: n // 2])
    scores = Ranks(points).scores(fitted)
    of_fitted = ndtri(rankdata(points[fitted], axis=0) / (len(fitted) + 1))
    np.testing.assert_allclose(scores[fitted], of_fitted, atol=1e-6)
    below = (points[fitted][np.newaxis] < points[:, np.newaxis]).sum(axis=1)
    equal = (points[fitted][np.newaxis] == points[:, np.newaxis]).sum(axis=1)
    np.testing.assert_allclose(scores, ndtri((below + (equal + 1) / 2) / (len(fitted) + 1)), atol=1e-6)


def test_directions_are_those_of_the_latent_variables():
    x, y = shared_in_some(4000, 4.0, 2, 12)
    found = shared_directions(x.astype(np.float32), y.astype(np.float32), INDEPENDENT, np.random.default_rng(0))
    assert found.correlation == pytest.approx([np.sqrt(1 - 2**-4)] * 2, abs=0.01)
    assert np.linalg.norm(found.x[:2]) / np.linalg.norm(found.x) > 0.99
    assert np.linalg.norm(found.y[:2]) / np.linalg.norm(found.y) > 0.99
    assert (x @ found.x).std(axis=0) == pytest.approx([1.0, 1.0], abs=0.03)


def test_many_columns_are_first_made_fewer(monkeypatch):
    monkeypatch.setattr(sd, "MOST_COLUMNS", 40)
    rng = np.random.default_rng(0)
    noise = 0.01 * rng.standard_normal((300, 90))
    points = (rng.standard_normal((300, 5)) @ rng.standard_normal((5, 90)) + noise).astype(np.float32)
    few, basis = sd.fewer_columns(points, rng)
    assert few.shape == (300, 40)
    np.testing.assert_allclose(basis.T @ basis, np.eye(40), atol=1e-5)
    assert (few**2).sum() / (points**2).sum() > 0.9999
    assert bound_of(points + 0.0, points @ rng.standard_normal((90, 90))).mi > 4.0


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
def test_singular_vectors_are_those_of_numpy(shape):
    matrix = np.random.default_rng(0).standard_normal(shape)
    left, right = sd.singular_vectors(matrix)
    expected_left, values, expected_right = np.linalg.svd(matrix, full_matrices=False)
    np.testing.assert_allclose(np.abs(left.T @ expected_left), np.eye(4), atol=1e-8)
    np.testing.assert_allclose(np.abs(right.T @ expected_right.T), np.eye(4), atol=1e-8)
    np.testing.assert_allclose(np.einsum("ij,ij->j", left, matrix @ right), values)


# Samples that belong together


def in_groups(rng, n_groups, size, dim):
    return np.repeat(rng.standard_normal((n_groups, dim)), size, axis=0) + 0.3 * rng.standard_normal((n_groups * size, dim))


def test_groups_are_never_parted():
    seen = []
    group = np.repeat(np.arange(30), 7)

    def critic(fitted, rest, rng):
        seen.append(set(group[fitted]) & set(group[rest]))
        return np.zeros((len(rest), 1)), np.zeros((len(rest), 1))

    x = np.zeros((210, 1))
    lower_bound.by_critic(critic, Prepared(x, x, sampling=Groups(group)), "own", "bits", np.random.default_rng(0))
    assert seen == [set()] * 6


def test_independent_groups_and_series_share_nothing():
    rng = np.random.default_rng(0)
    x, y = in_groups(rng, 60, 20, 6), in_groups(rng, 60, 20, 6)
    together = {"groups": np.repeat(np.arange(60), 20)}
    found = mutual_information(x, y, lower_bound=True, reduce="cca:2", **together)
    assert found.lower_bound.mi <= max(0.003, 3 * found.lower_bound.stderr)
    assert found.reduced.independent_units == 60
    steps = np.cumsum(rng.standard_normal((2, 1500, 4)) * 0.5, axis=1)
    walks = [side - np.apply_along_axis(np.convolve, 0, side, np.ones(41) / 41, mode="same") for side in steps]
    assert bound_of(*walks, series=True).mi <= 0.05


def test_the_error_of_a_mean_counts_units_and_not_samples():
    """Twenty copies of each term say no more than one: the error is that of the terms, not a root of twenty smaller."""
    terms = np.random.default_rng(0).standard_normal(100)
    plain = INDEPENDENT.error_of_mean(terms, np.arange(100))
    copied = Groups(np.repeat(np.arange(100), 20)).error_of_mean(np.repeat(terms, 20), np.arange(2000))
    assert copied == pytest.approx(plain)
    assert Series(np.arange(2000), 5).error_of_mean(np.repeat(terms, 20), np.arange(2000)) == pytest.approx(plain)


# Shared directions


def test_shared_directions_show_what_the_whole_hides():
    x, y = shared_in_some(2000, 3.0, 3, 50)
    found = mutual_information(x, y, reduce="cca:8", permutations=12, diagnose=True)
    few = found.reduced
    assert found.mi < 0.3
    assert 2.2 < few.mi < 2.8
    assert 3 <= few.dim_x == few.dim_y <= 5
    assert (few.n_samples, few.null.permutations, few.null.p_value) == (2000, 12, pytest.approx(1 / 13))
    assert abs(few.null.mean) < 0.1
    assert few.reliability.verdict in ("trust", "caution")
    assert found.reliability.verdict == "not bits"
    assert found.reduction.fitted_on == "both sides, on the half of the samples that is not estimated from"


def test_directions_fitted_and_estimated_on_the_same_samples_would_find_what_is_not_there():
    """What crossing the halves is for: on independent data the same samples read 0.2 bits and more."""
    rng = np.random.default_rng(0)
    x, y = awkward.gaussian(rng, 500, 200, 200)
    rows = np.arange(500)
    same = SharedDirections(Ranks(x), Ranks(y), INDEPENDENT).along(rows, rows, rng, most=2, least=2)[:2]
    assert mutual_information(*same).mi > 0.2
    crossed = mutual_information(x, y, reduce="cca:2").reduced
    assert abs(crossed.mi) < 3 * crossed.stderr


def test_the_error_of_both_halves_is_at_least_what_they_differ_by():
    """Forty draws of such data spread by 0.09 bits, of which the error bars within the halves see 0.05."""
    half = mutual_information(*awkward.correlated(np.random.default_rng(0), 200, 1, 0.6))
    for apart, expected in ((0.0, 0.1 / np.sqrt(2)), (0.4, 0.2)):
        halves = [dataclasses.replace(half, mi=mi, stderr=0.1) for mi in (1.0, 1.0 + apart)]
        assert as_one(halves, None, None).stderr == pytest.approx(expected)
        assert as_one(halves, None, None).mi == pytest.approx(1.0 + apart / 2)
    assert as_one([half, dataclasses.replace(half, stderr=None)], None, None).stderr is None


def test_several_k_and_all_that_can_be_asked_for_beside():
    x, y = shared_in_some(600, 2.0, 2, 10)
    for found in mutual_information(x, y, k=[3, 6], reduce="cca:2", diagnose=True, by_size=True, units="nats"):
        assert found.reduced.k == found.k
        assert found.reduced.units == found.lower_bound.units == "nats"
        assert [point.n_samples for point in found.reduced.by_size] == [150, 75, 37]
        assert found.reduced.stderr > 0
    assert found.lower_bound.mi == pytest.approx(bound_of(x, y).mi * np.log(2))


def test_an_object_with_fit_is_fitted_on_the_other_half():
    class FirstTwo:
        def __init__(self):
            self.fitted = []

        def fit(self, x, y, rng):
            self.fitted.append((x, y))
            return lambda x, y: (x[:, :2], y[:, :2])

    x, y = shared_in_some(400, 2.0, 2, 6)
    own = FirstTwo()
    found = mutual_information(x, y, reduce=own)
    assert found.reduction.method == "FirstTwo"
    assert [len(x) for x, _ in own.fitted] == [200, 200]
    assert len(np.unique(np.vstack([x for x, _ in own.fitted]), axis=0)) == 400
    assert found.reduced.mi == pytest.approx(2.0, abs=0.3)


def test_a_critic_of_ones_own_is_fitted_on_the_other_half_and_named():
    class TheData:
        """What nothing needs to learn: the two pairs of columns that share a bit each."""

        def fit(self, x, y, rng):
            assert len(x) == 200
            return lambda x, y: lower_bound.gaussian_embeddings(x[:, :2], y[:, :2], np.full(2, np.sqrt(1 - 2**-2)))

    bound = bound_of(*shared_in_some(400, 2.0, 2, 6), critic=TheData())
    assert bound.kind == "TheData"
    assert bound.mi == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize("drawn", [{"groups": np.repeat(np.arange(20), 10)}, {"series": True, "exclude": 2}, {}])
@pytest.mark.parametrize("option", ["lower_bound", "reduce"])
def test_a_fit_that_asks_for_groups_is_told_what_may_not_be_parted(option, drawn):
    told = []

    class Asking:
        def fit(self, x, y, rng, groups=None):
            told.append(groups)
            return lambda x, y: (x[:, :1], y[:, :1])

    mutual_information(*awkward.gaussian(np.random.default_rng(0), 200, 3, 3), error_bar=False, **{option: Asking()}, **drawn)
    if drawn:
        (one, other), numbers = told, drawn.get("groups", np.arange(200) // 8)
        assert (np.diff(one) >= 0).all()
        np.testing.assert_array_equal(np.sort(np.concatenate([one, other])), numbers)
        assert not set(one) & set(other)
    else:
        assert told == [None, None]


def test_the_same_seed_gives_the_same():
    x, y = shared_in_some(300, 2.0, 2, 6)
    one, same, other = (mutual_information(x, y, lower_bound=True, reduce="cca:2", seed=seed) for seed in (1, 1, 2))
    assert one.lower_bound == same.lower_bound != other.lower_bound
    assert one.reduced.mi == same.reduced.mi != other.reduced.mi


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lower_bound": True, "given": np.arange(50.0)}, "lower_bound needs continuous x and y, and no z"),
        ({"lower_bound": True, "estimator": "discrete"}, "lower_bound needs continuous x and y"),
        ({"lower_bound": True, "groups": np.arange(50) // 10}, "a lower bound needs 5 parts of at least 2 groups"),
        ({"reduce": "cca:2", "groups": np.arange(50) // 20}, "needs at least 4 groups or stretches"),
        ({"reduce": "cca:4"}, "reduce asks for 4 shared directions, x has 3 columns and y 3"),
        ({"reduce": "cca:0"}, "reduce is 'cca:0': give a method and a number of columns, cca:8"),
        ({"lower_bound": 1}, "lower_bound is 1: give True or False"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(options, message):
    x, y = awkward.gaussian(np.random.default_rng(0), 50, 3, 3)
    with pytest.raises(InputError, match=message) as refused:
        mutual_information(x, y, **options)
    assert "\n" not in str(refused.value)


class Own:
    """A critic or reducer whose fit gives what it is told."""

    def __init__(self, gives):
        self.gives = gives

    def fit(self, x, y, rng):
        return self.gives


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        (None, "fit of the critic gave NoneType: it must give a function of x and y"),
        (lambda x, y: x @ y.T, "the critic gave ndarray: it must give two arrays"),
        (lambda x, y: (x * np.nan, y), "the embedding of x has"),
        (lambda x, y: (x[:5], y[:5]), r"the critic gave embeddings of shape \(5, 3\) and \(5, 3\) for 25 samples"),
        (lambda x, y: (x, y[:, :2]), r"the critic gave embeddings of shape \(25, 3\) and \(25, 2\) for 25 samples"),
    ],
)
def test_what_a_critic_of_ones_own_gives_is_checked(gives, message):
    x, y = awkward.gaussian(np.random.default_rng(0), 50, 3, 3)
    with pytest.raises(InputError, match=message):
        mutual_information(x, y, lower_bound=Own(gives))


def test_what_an_object_with_fit_gives_is_checked():
    x, y = awkward.gaussian(np.random.default_rng(0), 50, 3, 3)
    with pytest.raises(InputError, match="fit of the reducer gave NoneType: it must give a function of x and y"):
        mutual_information(x, y, reduce=Own(None))


def test_embeddings_beyond_single_precision_and_in_lists_are_taken():
    x, y = awkward.gaussian(np.random.default_rng(0), 50, 3, 3)
    huge = Own(lambda x, y: ((1e25 * x).tolist(), (1e25 * y).tolist()))
    assert mutual_information(x, y, lower_bound=huge).lower_bound.mi == 0.0


@pytest.mark.parametrize(("seed", "n"), [(5157, 64), (5199, 64)])
def test_few_independent_samples_share_nothing_by_their_radii(seed, n):
    """Draws whose distances from the middle read 0.23 and 0.41 bits by chance."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((n, 3)), rng.standard_normal((n, 3))
    found = mutual_information(x, y, diagnose=True, seed=seed)
    assert not found.lower_bound.is_clear
    assert not found.falls_short


def test_a_bound_of_nothing_says_nothing_against_an_estimate():
    """Estimates of independent data are below 0 every other time, and so below a bound of 0."""
    result = mutual_information(*awkward.gaussian(np.random.default_rng(0), 300, 10, 10), lower_bound=True)
    result = dataclasses.replace(result, mi=-0.5)
    assert result.lower_bound.mi == 0.0
    assert not result.falls_short


def test_too_few_samples_are_refused_unless_only_a_verdict_asks():
    x, y = awkward.gaussian(np.random.default_rng(0), 39, 3, 3)
    with pytest.raises(InputError, match="a lower bound needs at least 40 samples, and there are 39"):
        mutual_information(x, y, lower_bound=True)
    assert mutual_information(x, y, diagnose=True).lower_bound is None


def test_a_constant_side_has_no_bound_and_a_constant_column_none_of_its_own():
    x, y = shared_in_some(300, 2.0, 2, 4)
    assert mutual_information(x, np.zeros((300, 2)), lower_bound=True).lower_bound is None
    with_dead = np.hstack([x, np.full((300, 3), 7.0)])
    assert bound_of(with_dead, y).mi == pytest.approx(bound_of(x, y).mi, abs=0.1)


@pytest.mark.parametrize("name", sorted(awkward.CASES))
def test_awkward_data_give_a_finite_bound(name):
    x, y = awkward.CASES[name]
    if len(x) < lower_bound.FEWEST_SAMPLES:
        pytest.skip("too few samples")
    found = mutual_information(x, y, lower_bound=True, error_bar=False)
    if found.lower_bound is not None:
        assert 0.0 <= found.lower_bound.mi <= found.lower_bound.ceiling
        assert np.isfinite(found.lower_bound.stderr)
