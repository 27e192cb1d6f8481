"""Error bars, shuffled pairs, sizes and reductions: against definitions, closed forms and plain repetition."""

import re
from fractions import Fraction

import numpy as np
import pytest

import awkward
import mi_core
from mi_core import (
    InputError,
    _formula,
    _notes,
    mutual_information,
    mutual_information_matrix,
    neighbour_counts,
    reduction,
    uncertainty,
)
from mi_core._estimators import Local
from mi_core.backends.cpu import shuffles as kernels_of_shuffles
from mi_core.backends.cpu.shuffles import shuffled_counts
from mi_core.sampling import INDEPENDENT, Groups
from mi_core.seeds import generator


def pair(n=1000, dim=1, rho=0.6, seed=0):
    return awkward.correlated(np.random.default_rng(seed), n, dim, rho)


# Means


@pytest.mark.parametrize("scale", [1.0, 1e-300, 1e300 / 2**20])
def test_a_mean_is_rounded_once_in_any_order(scale):
    rng = np.random.default_rng(0)
    values = scale * rng.standard_normal(1000) * 10.0 ** rng.integers(-12, 6, 1000)
    values = np.concatenate([values, -values[:500], np.zeros(7)])
    truth = float(sum(map(Fraction, values.tolist()))) / len(values)
    for order in (np.arange(1507), rng.permutation(1507)):
        assert _formula.mean(values[order]) == truth
        parts = [part for some in np.array_split(values[order], 9) for part in _formula.exact_sum(some)]
        assert sum(map(Fraction, parts)) == sum(map(Fraction, values.tolist()))
    assert _formula.exact_sum(np.zeros(3)) == []


# Error bars


def test_the_fit_recovers_the_error_of_a_mean():
    """For the mean of n independent values the standard error is known: their deviation over the root of n."""
    values = np.random.default_rng(0).standard_normal((4000, 2)) * [1.0, 10.0]
    found = uncertainty.error_bar(lambda rows: values[rows].mean(axis=0), 4000, (3,), seed=0)
    assert found.part_size == 400
    np.testing.assert_allclose(found.of_parts, values.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.stderr, np.array([1.0, 10.0]) / np.sqrt(4000), rtol=0.5)  # 9 degrees of freedom: +-24 %


def test_the_fit_weighs_by_degrees_of_freedom():
    by_parts = [np.array([[0.0, 2.0]]), np.array([[0.0, 0.0, 0.0, 4.0]])]
    expected = np.sqrt((1 * 2.0 / 2**0.85 + 3 * 4.0 / 4**0.85) / (1 + 3))  # variances 2 and 4
    np.testing.assert_allclose(uncertainty.standard_errors(by_parts), [expected], rtol=1e-14)


def test_parts_are_disjoint_and_of_equal_size():
    seen = []
    rng = np.random.default_rng(0)
    uncertainty.subsample_estimates(lambda rows: seen.append(rows) or np.zeros(1), 103, (5,), rng, INDEPENDENT)
    assert [len(rows) for rows in seen] == [20] * 5
    assert len(np.unique(np.concatenate(seen))) == 100


def test_the_error_bar_is_about_the_spread_over_data_sets():
    results = [mutual_information(*pair(seed=seed)) for seed in range(30)]
    spread = np.std([result.mi for result in results], ddof=1)
    typical = np.sqrt(np.mean([result.stderr**2 for result in results]))
    assert 0.6 < typical / spread < 1.6


def test_the_error_bar_covers_the_truth_about_two_times_in_three():
    """Fixed seeds; `mi bench coverage` does it at full size. 40 runs, 68 % +- 7 %."""
    truth = -0.5 * np.log2(1 - 0.6**2)
    results = [mutual_information(*pair(n=500, seed=seed)) for seed in range(40)]
    assert 0.5 < np.mean([abs(result.mi - truth) <= result.stderr for result in results]) < 0.86


def test_the_error_bar_is_at_least_that_of_independent_terms():
    """Here all parts read 0, since x counts for nothing in a tenth of the samples, and their spread is 0."""
    x, y = pair(n=1000)
    found = mutual_information(x / 1000, y, units="nats", return_local=True)
    alone = found.local_mi.std(ddof=1) / np.sqrt(1000)
    assert found.stderr == pytest.approx(alone, rel=1e-9)
    assert mutual_information_matrix({"x": x / 1000, "y": y}, units="nats").stderr[0, 1] == found.stderr
    usual = [mutual_information(*pair(seed=seed), return_local=True) for seed in range(8)]
    assert sum(one.stderr > 1.01 * one.local_mi.std(ddof=1) / np.sqrt(1000) for one in usual) >= 2
    same = mutual_information(x, x)
    assert (same.mi, same.stderr) == (pytest.approx(same.ceiling), 0)


@pytest.mark.parametrize(
    ("terms", "error"), [([2.0, 2.0, 2.0], 0), ([0.1] * 7, 0), ([5.0], 0), ([0.0, 2.0], 1), ([np.inf, 1], 0)]
)
def test_the_error_of_a_mean_of_terms(terms, error):
    assert Local(3, np.array(terms)).error_of_mean == error


def test_one_error_bar_for_each_k_and_unit():
    x, y = pair()
    in_bits = mutual_information(x, y, k=[1, 3, 10])
    in_nats = mutual_information(x, y, k=[1, 3, 10], units="nats")
    for bits, nats in zip(in_bits, in_nats, strict=True):
        assert bits.stderr * np.log(2) == pytest.approx(nats.stderr, rel=1e-12)
    assert len({result.stderr for result in in_bits}) == 3


def test_error_bars_are_seeded_and_can_be_switched_off():
    x, y = pair()
    assert mutual_information(x, y, seed=1).stderr == mutual_information(x, y, seed=1).stderr
    assert mutual_information(x, y, seed=1).stderr != mutual_information(x, y, seed=2).stderr
    off = mutual_information(x, y, error_bar=False)
    assert (off.stderr, off.seed) == (None, None)
    assert off.mi == mutual_information(x, y).mi


@pytest.mark.parametrize(
    ("n", "ks", "few", "all_parts"),
    [
        (63, (3,), (), ()),
        (64, (3,), (4,), (4,)),
        (128, (3,), (4, 8), (4, 8)),
        (159, (3, 4), (4,), (4,)),
        (160, (3, 4), (4, 8), (4, 8)),
        (639, (3,), (4, 8), (4, 8)),
        (640, (3,), (4, 8), (10,)),
        (1759, (3, 10), (4, 8), (4, 8)),
        (1760, (10, 3), (4, 8), (10,)),
        (32, (), (4,), (4,)),
        (10_000, (), (4, 8), (4, 8)),
    ],
)
def test_parts_are_many_where_each_is_ample(n, ks, few, all_parts, monkeypatch):
    asked = []
    monkeypatch.setattr(uncertainty, "subsample_estimates", lambda _, n, parts, *rest: asked.append(parts) or [])
    for has_classes in (True, False):
        uncertainty.error_bar(lambda rows: np.zeros(1), n, ks, 0, has_classes=has_classes)
    uncertainty.error_bar(lambda rows: np.zeros(1), n, ks, 0, sampling=Groups(np.arange(n)))
    uncertainty.error_bar(lambda rows: np.zeros(1), 10 * n, ks, 0, smaller_set=n)
    assert asked == [few, all_parts, (4, 4) if few else (), all_parts]


@pytest.mark.parametrize(
    ("n", "options"),
    [
        (100, {"estimator": "gaussian"}),
        (100, {"estimator": "gaussian-copula"}),
        (400, {"estimator": "ross", "k": 3}),
        (800, {"given": np.arange(800) % 4, "given_labels": True}),
    ],
)
def test_parts_large_enough_for_columns_and_classes_have_an_error_bar(n, options):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, 5))
    y = np.arange(n) % 20 if options.get("estimator") == "ross" else x + rng.standard_normal((n, 5))
    assert mutual_information(x, y, **options).stderr > 0


def test_the_error_bar_of_strong_dependence_in_few_samples_is_not_far_too_short():
    """Of 160 samples with rho 0.99 and k=3, ten parts gave a bar half as long as the spread."""
    results = [mutual_information(*awkward.correlated(np.random.default_rng(seed), 160, 1, rho=0.99)) for seed in range(60)]
    assert np.std([one.mi for one in results], ddof=1) < 1.9 * np.mean([one.stderr for one in results])


def test_too_few_samples_for_parts_have_no_error_bar():
    x, y = pair(n=60)
    found = mutual_information(x, y)
    assert found.stderr is None
    assert (
        "There is no error bar: with k=3 it needs at least 64 samples, and there are 60. [mi explain no-error-bar]"
        in found.notes
    )
    assert not any("no-error-bar" in note for note in mutual_information(x, y, error_bar=False).notes)
    for other in (
        mutual_information_matrix({"x": x, "y": y}),
        mi_core.rank({"x": x[:, 0], "y": y[:, 0]}, "y"),
        mi_core.multi_information([x, y]),
        mi_core.entropy(x),
        mi_core.kl_divergence(x, y),
        mi_core.lagged(x, y, lags=[0], exclude=1),
        mi_core.transfer_entropy(x, y, exclude=1),
    ):
        assert any("There is no error bar: " in note for note in other.notes), other
    found = mutual_information(*pair(n=64))
    assert found.stderr > 0
    assert not any("no-error-bar" in note for note in found.notes)
    grouped = {"groups": np.arange(60) // 20}
    assert any("8 groups, and there are 3" in note for note in mutual_information(x, y, **grouped).notes)
    assert not any("no-error-bar" in note for note in mutual_information(x, y, error_bar=False, **grouped).notes)
    wide = np.random.default_rng(0).standard_normal((2, 64, 20))
    assert any("not every part of the samples" in note for note in mutual_information(*wide, estimator="gaussian").notes)
    assert mi_core.kl_divergence(*(side[:, 0] for side in (x[:20], pair()[1]))).stderr is None


def test_sizes_are_means_over_parts():
    x, y = pair()
    result = mutual_information(x, y, by_size=True, units="nats")
    assert [point.n_samples for point in result.by_size] == [500, 250, 125]
    order = generator(0, "sizes").permutation(1000)
    halves = [np.sort(order[:500]), np.sort(order[500:])]
    by_hand = [mutual_information(x[rows], y[rows], units="nats").mi for rows in halves]
    assert result.by_size[0].mi == pytest.approx(np.mean(by_hand), abs=1e-12)
    assert result.by_size[0].stderr == pytest.approx(np.std(by_hand, ddof=1) / np.sqrt(2), abs=1e-12)


# Shuffled pairs


@pytest.mark.parametrize("name", awkward.CASES)
def test_shuffled_counts_equal_those_of_shuffled_samples(name):
    x, y = awkward.CASES[name]
    rng = np.random.default_rng(0)
    ks = tuple(k for k in (1, 3, 10) if k < len(x))
    shuffles = np.array([rng.permutation(len(x)) for _ in range(3)], np.int32)
    radius, n_x, n_y = shuffled_counts(x, y, ks, shuffles, threads=2)
    for s, shuffle in enumerate(shuffles):
        for m, counts in enumerate(neighbour_counts(x, y[shuffle], ks)):
            np.testing.assert_array_equal(radius[s, m], counts.radius)
            np.testing.assert_array_equal(n_x[s, m], counts.n_x)
            np.testing.assert_array_equal(n_y[s, m], counts.n_y)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_short_lists_and_small_blocks_count_the_same(k, monkeypatch):
    """Heavy tails, where a list of neighbours in x ends before those in y do, and the other way round."""
    rng = np.random.default_rng(k)
    x, y = rng.standard_cauchy((120, 4)), rng.standard_cauchy((120, 3))
    shuffles = np.array([rng.permutation(120) for _ in range(5)], np.int32)
    usual = shuffled_counts(x, y, (k,), shuffles, threads=2)
    monkeypatch.setattr(kernels_of_shuffles, "LENGTH", 0.4)
    monkeypatch.setattr(kernels_of_shuffles, "BLOCK_BYTES", 12 * 9 * 50)
    for s, shuffle in enumerate(shuffles):
        (counts,) = neighbour_counts(x, y[shuffle], (k,))
        for some in (usual, shuffled_counts(x, y, (k,), shuffles, threads=2)):
            for mine, truth in zip(some, (counts.radius, counts.n_x, counts.n_y), strict=True):
                np.testing.assert_array_equal(mine[s, 0], truth)


def test_shuffled_counts_are_those_of_float32_samples_too():
    x, y = (side.astype(np.float32) for side in awkward.CASES["rounded"])
    shuffles = np.array([np.random.default_rng(0).permutation(len(x))], np.int32)
    radius, n_x, n_y = shuffled_counts(x, y, (3,), shuffles, threads=1)
    counts = neighbour_counts(x, y[shuffles[0]], 3)
    for mine, truth in zip((radius, n_x, n_y), (counts.radius, counts.n_x, counts.n_y), strict=True):
        np.testing.assert_array_equal(mine[0, 0], truth)


@pytest.mark.parametrize("dims", [(1, 1), (2, 1), (1, 2), (12, 9), (9, 12)])
def test_the_null_is_that_of_plain_repetition(dims):
    """Narrow and wide data go different ways to the same estimates."""
    x, y = awkward.gaussian(np.random.default_rng(0), 120, *dims)
    result = mutual_information(x, y, k=2, permutations=uncertainty.FEW, seed=3, units="nats")
    rng = generator(3, "permutations")
    shuffled, kept = (x, y) if dims[0] < dims[1] and sum(dims) > uncertainty.NARROW else (y, x)
    by_hand = [mutual_information(kept, shuffled[rng.permutation(120)], k=2, units="nats").mi for _ in range(uncertainty.FEW)]
    assert result.null.mean == pytest.approx(np.mean(by_hand), abs=1e-12)
    assert result.null.std == pytest.approx(np.std(by_hand, ddof=1), abs=1e-12)


def few_zeros():
    """So few zeros that no note is due; shuffled, some of x stand beside some of y, with no distance between them."""
    x, y = np.random.default_rng(1).standard_normal((2, 20_000))
    x[:80] = y[-80:] = 0.0
    return x, y


def evenly_spaced():
    """Steps of y are longer than those of x, so that no distances tie; shuffled, those of x decide at times, and tie."""
    return np.arange(400.0), np.cumsum(np.random.default_rng(2).uniform(1.01, 1.5, 400))


@pytest.mark.parametrize("sides", [few_zeros, evenly_spaced])
def test_the_null_is_that_of_plain_repetition_where_shuffles_alone_tie(sides):
    x, y = sides()
    result = mutual_information(x, y, k=1, permutations=40, seed=4, units="nats", error_bar=False)
    rng = generator(4, "permutations")
    by_hand = [mutual_information(x, y[rng.permutation(len(y))], k=1, units="nats", error_bar=False).mi for _ in range(40)]
    assert result.null.mean == pytest.approx(np.mean(by_hand), abs=1e-12)
    assert result.null.std == pytest.approx(np.std(by_hand, ddof=1), abs=1e-12)


def test_the_p_value_counts_the_estimate_itself():
    null = uncertainty.shuffled_null(0.5, np.array([0.1, 0.5, 0.7, -0.2]), seed=0)
    assert (null.p_value, null.permutations) == (3 / 5, 4)
    assert null.mean == pytest.approx(0.275)
    assert null.std == pytest.approx(np.std([0.1, 0.5, 0.7, -0.2], ddof=1))
    assert uncertainty.shuffled_null(0.5, np.array([0.1, 0.3]), seed=0).std == pytest.approx(np.sqrt(0.02))
    assert uncertainty.shuffled_null(0.5, np.array([0.1]), seed=0).std == 0


def test_dependence_is_significant_and_independence_is_not():
    x, y = pair(n=300)
    assert mutual_information(x, y, permutations=99).null.p_value == 0.01
    apart = [awkward.gaussian(np.random.default_rng(seed), 200, 1, 1) for seed in range(20)]
    nulls = [mutual_information(*sides, permutations=19, error_bar=False).null for sides in apart]
    assert 0.3 < np.mean([null.p_value for null in nulls]) < 0.7  # even from 0 to 1: 0.5 +- 0.06
    assert abs(np.mean([null.mean for null in nulls])) < 0.03


def test_batches_of_shuffles_do_not_matter(monkeypatch):
    x, y = awkward.gaussian(np.random.default_rng(0), 100, 12, 9)
    told = []
    whole = mutual_information(x, y, k=[4, 1], permutations=uncertainty.FEW + 1)
    monkeypatch.setattr(uncertainty, "SHUFFLED_BYTES", 24 * 100 * 2 * 2)  # two shuffles together
    parts = mutual_information(x, y, k=[4, 1], permutations=uncertainty.FEW + 1, progress=lambda *state: told.append(state))
    assert [one.null for one in parts] == [one.null for one in whole]
    alone = [mutual_information(x, y, k=k, permutations=uncertainty.FEW + 1).null for k in (4, 1)]
    assert [one.null for one in whole] == alone
    assert told == sorted(told, key=lambda state: (state[1], state[0]))
    assert told[-1][0] == told[-1][1]


@pytest.mark.parametrize("permutations", [0, -3, 2.5, "many"])
def test_a_wrong_number_of_permutations_is_refused(permutations):
    with pytest.raises(InputError, match=r"permutations is .*: it must be"):
        mutual_information(*pair(n=50), permutations=permutations)


# Fewer columns


def test_principal_components_keep_what_lies_in_few():
    """Two latents in twelve columns: two components hold all of them, turned, and so all of the MI."""
    x, y = pair(n=1500, dim=2, rho=0.8)
    rng = np.random.default_rng(1)
    turn_x, turn_y = (np.linalg.qr(rng.standard_normal((12, 12)))[0][:2] for _ in range(2))
    result = mutual_information(x @ turn_x, y @ turn_y, reduce="pca:2")
    assert (result.reduced.dim_x, result.reduced.dim_y) == (2, 2)
    assert result.reduction.kept_x == pytest.approx(1.0)
    assert result.reduced.mi == pytest.approx(-np.log2(1 - 0.8**2), abs=0.12)
    assert result.reduced.stderr is not None


def test_random_projections_are_seeded_and_say_what_they_keep():
    x, y = awkward.gaussian(np.random.default_rng(0), 500, 20, 3)
    result = mutual_information(x, y, reduce="random:5", seed=4)
    assert (result.reduced.dim_x, result.reduced.dim_y) == (5, 3)
    assert 0.1 < result.reduction.kept_x < 0.45
    assert (result.reduction.kept_y, result.reduction.seed) == (1.0, 4)
    assert result.reduced.mi == mutual_information(x, y, reduce="random:5", seed=4).reduced.mi
    assert result.reduced.mi != mutual_information(x, y, reduce="random:5", seed=5).reduced.mi


@pytest.mark.parametrize("method", ["pca", "random"])
@pytest.mark.parametrize(("n", "dim"), [(1001, 50), (2001, 200), (333, 64)])
def test_equal_samples_stay_equal(method, n, dim):
    """In a product of BLAS they may come apart in the last bit, and ties with them."""
    side = np.random.default_rng(1).standard_normal((n, dim))
    side[n // 2 :] = side[0]
    few = reduction.projected(side, reduction.DIRECTIONS[method], 10, np.random.default_rng(0))
    assert len(np.unique(few[n // 2 :], axis=0)) == 1


def test_small_components_are_told_apart():
    """Deviations 1, 1e-9 and 3e-10 in turned columns: squared, both small ones are below machine precision of the first."""
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((500, 3))
    latent = np.linalg.qr(latent - latent.mean(axis=0))[0] * [1.0, 1e-9, 3e-10]
    turn = np.linalg.qr(rng.standard_normal((5, 5)))[0][:3]
    few = reduction.projected(latent @ turn, reduction.principal_components, 3, rng)
    angle = 1e2 * np.finfo(float).eps / (1e-9 - 3e-10)  # rounding of the first, beside the difference of the others
    for column, truth in zip(few.T, latent.T, strict=True):
        assert abs(np.corrcoef(column, truth)[0, 1]) > 1 - angle**2
    assert reduction.share_of_variance(latent @ turn, few) == pytest.approx(1.0)


@pytest.mark.parametrize("method", ["pca", "random"])
def test_a_reduction_does_not_depend_on_the_order_of_samples(method):
    """As another BLAS it adds up differently: coordinates may move by rounding, and components change their sign."""
    side = np.random.default_rng(1).standard_normal((300, 12)) * np.linspace(1.0, 3.0, 12)
    order = np.random.default_rng(2).permutation(300)
    one, other = (
        reduction.projected(points, reduction.DIRECTIONS[method], 4, np.random.default_rng(0)) for points in (side, side[order])
    )
    signs = np.sign((one[order] * other).sum(axis=0))
    np.testing.assert_allclose(other * signs, one[order], atol=1e-12)  # neighbouring deviations differ by a part in 10
    kept = [reduction.share_of_variance(points, few) for points, few in ((side, one), (side[order], other))]
    assert kept[0] == pytest.approx(kept[1], rel=1e-13)


def test_the_scale_of_a_side_stays():
    x, y = pair(dim=2)
    wide_x, wide_y = np.hstack([x, 0 * x]), 1e4 * np.hstack([y, 0 * y])
    result = mutual_information(wide_x, wide_y, reduce="pca:2")
    assert any("different scales" in note for note in result.reduced.notes)


def first_columns(x, y, rng):
    return x[:, :1], y[:, :2]


def test_any_callable_is_a_reducer():
    x, y = pair(dim=4)
    result = mutual_information(x, y, reduce=first_columns)
    assert result.reduced.mi == mutual_information(x[:, :1], y[:, :2]).mi
    assert (result.reduced.dim_x, result.reduced.dim_y) == (1, 2)
    found = result.reduction
    assert (found.method, found.dim, found.kept_x, found.fitted_on) == ("first_columns", None, None, reduction.UNKNOWN)
    assert result.to_dict()["reduction"]["method"] == "first_columns"


def test_a_reducer_says_what_it_was_fitted_on_and_draws_from_the_seed():
    class Drawn:
        fitted_on = "other samples"

        def __call__(self, x, y, rng):
            return x @ rng.standard_normal((4, 1)), y

    x, y = pair(dim=4)
    one, again, other = (mutual_information(x, y, reduce=Drawn(), seed=seed) for seed in (1, 1, 2))
    assert (one.reduction.method, one.reduction.fitted_on, one.reduction.seed) == ("Drawn", "other samples", 1)
    assert one.reduced.mi == again.reduced.mi != other.reduced.mi
    words = [mutual_information(x, y, reduce=how).reduction.fitted_on for how in ("pca:2", "random:2")]
    assert words == ["each side by itself, all samples", "nothing: directions are random"]


@pytest.mark.parametrize(
    ("reducer", "message"),
    [
        (lambda x, y, rng: x, "it must give two arrays"),
        (lambda x, y, rng: (x[:5], y), "x as the reducer gives it has 5"),
        (lambda x, y, rng: (x, y * np.nan), "y as the reducer gives it has"),
    ],
)
def test_what_a_reducer_gives_is_checked(reducer, message):
    with pytest.raises(InputError, match=message):
        mutual_information(*pair(n=50, dim=4), reduce=reducer)


def test_a_reducer_that_leaves_nothing_leaves_no_information():
    few = mutual_information(*pair(n=50, dim=4), reduce=lambda x, y, rng: (x, 0 * y)).reduced
    assert (few.mi, "y is constant" in few.notes[0]) == (0, True)


@pytest.mark.parametrize("reduce", ["pca", "pca:0", "pca:x", "tsne:2", 3])
def test_a_wrong_reduction_is_refused(reduce):
    with pytest.raises(InputError, match=r"reduce is .*: give a method"):
        mutual_information(*pair(n=50, dim=4), reduce=reduce)


def test_a_reduction_must_reduce():
    with pytest.raises(InputError, match="reduce asks for 4 columns, x has 4 and y 4"):
        mutual_information(*pair(n=50, dim=4), reduce="pca:4")


@pytest.mark.parametrize(
    "quantity", ["entropy", "discrete entropy", "multi-information", "divergence", "labels", "conditional"]
)
def test_every_result_has_an_error_bar_near_its_spread(quantity):
    def result(seed):
        rng = np.random.default_rng(seed)
        x, y, z = rng.standard_normal((3, 300))
        if quantity == "entropy":
            return mi_core.entropy(x)
        if quantity == "discrete entropy":
            return mi_core.entropy(rng.choice(4, 300, p=[0.6, 0.2, 0.15, 0.05]), estimator="discrete")
        if quantity == "multi-information":
            return mi_core.multi_information([x, x + y, z])
        if quantity == "divergence":
            return mi_core.kl_divergence(x, 1.5 * rng.standard_normal(400))
        if quantity == "labels":
            return mi_core.mutual_information(x, x + y > 0, estimator="ross")
        return mi_core.conditional_mutual_information(x + z, x + y, z)

    results = [result(seed) for seed in range(40)]
    spread = np.std([float(one) for one in results], ddof=1)
    assert np.mean([one.stderr for one in results]) == pytest.approx(spread, rel=0.5)


def test_no_error_bar_where_parts_are_too_small():
    labels = np.repeat(np.arange(30), 10)
    x = labels + np.random.default_rng(0).standard_normal(300)
    assert mi_core.mutual_information(x, labels, estimator="ross", k=5).stderr is None
    assert mi_core.entropy(x[:20]).stderr is None
    assert mi_core.entropy(x, error_bar=False).stderr is None


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"diagnose": True, "estimator": "gaussian"}, "ksg1"),
        ({"reduce": "pca:1", "estimator": "discrete"}, "continuous"),
    ],
)
def test_extras_that_make_no_sense_are_refused(options, complaint):
    with pytest.raises(mi_core.InputError, match=complaint):
        mutual_information([1.0, 2.0, 4.0, 7.0], [2.0, 1.0, 0.0, 5.0], k=1, **options)


def test_a_reducer_cannot_change_the_samples():
    def spoils(x, y, rng):
        x.sort(axis=0)
        return x[:, :1], y[:, :1]

    x, y = pair(n=50, dim=4)
    with pytest.raises(ValueError, match="read-only"):
        mutual_information(x, y, reduce=spoils)


@pytest.mark.parametrize("reduce", [object, dict])
def test_a_class_is_no_reducer(reduce):
    with pytest.raises(InputError, match="give a method and a number of columns"):
        mutual_information(*pair(n=50, dim=4), reduce=reduce)


def test_more_columns_are_no_reduction():
    with pytest.raises(InputError, match="the reducer made 8 columns of the 4 of x: it must give fewer"):
        mutual_information(*pair(n=50, dim=4), reduce=lambda x, y, rng: (np.hstack([x, x + 1]), y))


def test_what_is_no_number_does_not_vanish_in_a_mean():
    assert np.isnan(_formula.mean(np.array([1.0, np.nan])))
    assert _formula.mean(np.array([1.0, np.inf])) == np.inf


def rising(**options):
    """The notes that an estimate of dependent Gaussians in 5+5 columns still rises."""
    rng = np.random.default_rng(0)
    common, *noise = rng.standard_normal((3, 2000, 5))
    x, y = (common + 0.5 * of_side for of_side in noise)
    return [note for note in mutual_information(x, y, **options).notes if "[mi explain rising]" in note]


def test_an_estimate_that_still_rises_with_the_number_of_samples_is_told():
    (note,) = rising()
    of_parts, of_all = map(float, re.search(r"Parts of 200 samples give (\S+) bits, all samples (\S+):", note).groups())
    assert of_all - of_parts > (0.24 + 4 / 200) * of_all


@pytest.mark.parametrize(
    ("of_parts", "stderr", "k", "part_size", "is_told"),
    [
        (1.2, 0.26, 3, 200, True),  # all 2,000 samples give 2 bits
        (1.2, 0.28, 3, 200, False),
        (1.49, 0.01, 3, 200, False),  # 0.24 and 4 / 200 of 2 bits are 0.52
        (1.47, 0.01, 3, 200, True),
        (1.47, 0.01, 7, 200, False),  # 0.24 and 8 / 200
        (1.43, 0.01, 7, 200, True),
        (1.71, 0.01, 3, 500, False),  # of quarters, as much as 0.6 of tenths: 0.3
        (1.69, 0.01, 3, 500, True),
    ],
)
def test_a_rise_must_exceed_its_share_and_three_standard_errors(of_parts, stderr, k, part_size, is_told):
    bar = uncertainty.ErrorBar(np.array([np.inf, stderr]), np.array([np.inf, of_parts]), part_size)
    assert bool(_notes.on_rise(2.0, "bits", k, 2000, 10, bar, 1)) == is_told
    assert _notes.on_rise(2.0, "bits", k, 2000, 11, bar, 1) == _notes.on_rise(2.0, "bits", k, 2000, 10, None) == {}


def test_a_rise_is_not_told_in_many_columns():
    rng = np.random.default_rng(0)
    common, *noise = rng.standard_normal((3, 1000, 6))
    x, y = (common + 0.5 * of_side for of_side in noise)
    notes = mutual_information(x, y).notes
    assert any("6 + 6 dimensions" in note for note in notes)
    assert not any("[mi explain rising]" in note for note in notes)


@pytest.mark.parametrize("options", [{"error_bar": False}, {"diagnose": True}, {"estimator": "ksg2"}])
def test_it_is_not_told_without_parts_beside_a_verdict_and_of_others(options):
    assert rising(**options) == []


def test_an_estimate_that_has_settled_is_not_said_to_rise():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(2000)
    for y in (x + rng.standard_normal(2000), rng.standard_normal(2000)):
        assert not any("rises" in note for note in mutual_information(x, y).notes)


@pytest.mark.parametrize("estimator", ["gaussian", "gaussian-copula"])
def test_shuffles_that_give_the_same_pairs_count_as_as_large(estimator):
    """Few binary samples: many shuffles have the same table of frequencies, and the same estimate but for rounding."""
    x, y = (np.random.default_rng(2).random((2, 40)) < 0.5).astype(float)
    shuffles = 199
    found = mi_core.mutual_information(x, y, estimator=estimator, permutations=shuffles, error_bar=False)
    rows = mi_core.uncertainty.surrogate_rows(40, shuffles, 0, INDEPENDENT)
    both = np.sum(x * y)
    agree = abs(both - 40 * x.mean() * y.mean())
    as_large = sum(abs(np.sum(x * y[some]) - 40 * x.mean() * y.mean()) > agree - 1e-9 for some in rows)
    assert 0 < as_large < shuffles
    assert found.null.p_value == pytest.approx((1 + as_large) / (1 + shuffles), abs=1e-12)
