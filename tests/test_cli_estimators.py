"""The commands for estimators beyond `mi estimate X Y`: what they print, and what they refuse."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_cli import assert_refused, mi

import awkward
import mi_core

X, Y = (side.astype(np.float32) for side in awkward.CASES["2+3"])
Z = X[:, :1] + Y[:, :1]
LABELS = np.array(["cat", "dog"])[(X[:, 0] > 0).astype(int)]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """x.npy and so on in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, array in {"x": X, "y": Y, "z": Z, "labels": LABELS, "short": X[:100]}.items():
        np.save(f"{name}.npy", array, allow_pickle=False)


COMMANDS = [
    (("estimate", "x.npy", "y.npy", "--given", "z.npy"), "I(X;Y|Z)", "2 + 3 given 1", lambda: (X, Y, Z)),
    (("estimate", "x.npy", "y.npy", "--given", "labels.npy"), "I(X;Y|Z)", "2 + 3 given class labels", lambda: (X, Y, LABELS)),
    (("estimate", "x.npy", "labels.npy", "--labels"), "I(X;Y)", "2 + class labels", lambda: (X, LABELS)),
    (("multi", "x.npy", "y.npy", "z.npy"), "I(X1;X2;X3)", "2 + 3 + 1", lambda: ([X, Y, Z],)),
    (("entropy", "x.npy"), "H(X)", "2", lambda: (X,)),
    (("divergence", "x.npy", "short.npy", "--k", "4"), "D(X||X')", "2", lambda: (X, X[:100])),
]
FUNCTIONS = {
    "I(X;Y|Z)": mi_core.conditional_mutual_information,
    "I(X;Y)": lambda x, y, **options: mi_core.mutual_information(x, y, estimator="ross", **options),
    "I(X1;X2;X3)": mi_core.multi_information,
    "H(X)": mi_core.entropy,
    "D(X||X')": mi_core.kl_divergence,
}


@pytest.mark.parametrize(("command", "symbol", "dimensions", "sides"), COMMANDS[:-1], ids=[c[1] for c in COMMANDS[:-1]])
@pytest.mark.usefixtures("files")
def test_commands_give_what_the_functions_give(command, symbol, dimensions, sides):
    function = FUNCTIONS[symbol]
    expected = function(*sides(), k=3)
    lines = mi(*command).stdout.splitlines()
    assert lines[0] == f"{symbol} = {float(expected):.4f} +- {expected.stderr:.4f} bits"
    facts = dict(line.strip().split(None, 1) for line in lines[1:])
    assert facts["dimensions"] == dimensions
    assert facts["samples"] == "150"
    assert facts["k"] == "3"
    assert float(mi(*command, "--quiet", "--units", "nats").stdout) == float(function(*sides(), units="nats"))
    record = json.loads(mi(*command, "--json").stdout)
    assert record[expected.quantity] == float(expected)
    several = mi(*command, "--k", "1,5").stdout.splitlines()
    assert several[0] == f"{symbol} in bits"
    assert [row.split()[1] for row in several[2:4]] == [f"{float(one):.4f}" for one in function(*sides(), k=[1, 5])]
    assert mi(*command, "--local", "local.npy", "--threads", "1").exit_code == 0
    np.testing.assert_array_equal(np.load("local.npy"), function(*sides(), return_local=True).local)


@pytest.mark.usefixtures("files")
def test_divergence_takes_two_sets_of_their_own_sizes():
    shifted = X[:100] + 1
    np.save("short.npy", shifted)
    run = mi("divergence", "x.npy", "short.npy")
    expected = mi_core.kl_divergence(X, shifted)
    assert run.stdout.splitlines()[0] == f"D(X||X') = {expected.divergence:.4f} +- {expected.stderr:.4f} bits"
    assert "samples     150 and 100" in run.stdout
    drawn = json.loads(mi("divergence", "x.npy", "short.npy", "--subsample", "50", "--json").stdout)
    assert (drawn["n_samples"], drawn["n_samples_prime"], drawn["subsample"]) == (50, 50, 50)


@pytest.mark.parametrize("estimator", ["ksg2", "lnc", "mixture", "gaussian", "gaussian-copula"])
@pytest.mark.usefixtures("files")
def test_estimators_by_name(estimator):
    run = mi("estimate", "x.npy", "y.npy", "--estimator", estimator, "--k", "25", "--json")
    assert json.loads(run.stdout)["mi"] == mi_core.mutual_information(X, Y, estimator=estimator, k=25).mi
    people = mi("estimate", "x.npy", "y.npy", "--estimator", estimator, "--k", "25")
    assert f"estimator   {estimator}" in people.stdout
    assert ("backend" in people.stdout) == (estimator not in ("gaussian", "gaussian-copula"))
    assert ("alpha" in people.stdout) == (estimator == "lnc")


@pytest.mark.usefixtures("files")
def test_subsampling_draws_the_same_rows_of_all_sides():
    rows = np.sort(np.random.default_rng(3).choice(150, 100, replace=False))
    options = ["--subsample", "100", "--seed", "3", "--quiet"]
    given = mi("estimate", "x.npy", "y.npy", "--given", "z.npy", *options)
    assert float(given.stdout) == mi_core.mutual_information(X[rows], Y[rows], given=Z[rows]).mi
    labels = mi("estimate", "x.npy", "labels.npy", "--labels", *options)
    assert float(labels.stdout) == mi_core.mutual_information(X[rows], LABELS[rows], estimator="ross").mi
    assert float(mi("entropy", "x.npy", *options).stdout) == mi_core.entropy(X[rows]).entropy


@pytest.mark.usefixtures("files")
def test_labels_and_mixtures_given_z():
    of_labels = mi("estimate", "x.npy", "labels.npy", "--labels", "--given", "z.npy", "--quiet")
    assert float(of_labels.stdout) == mi_core.mutual_information(X, LABELS, given=Z, estimator="ross").mi
    np.save("codes.npy", LABELS == "dog")
    for options in (("labels.npy",), ("codes.npy", "--given-labels")):
        given = mi("estimate", "x.npy", "y.npy", "--estimator", "mixture", "--quiet", "--given", *options)
        assert float(given.stdout) == mi_core.mutual_information(X, Y, given=LABELS, estimator="mixture").mi


@pytest.mark.usefixtures("files")
def test_permutations_given_z():
    run = mi("estimate", "x.npy", "y.npy", "--given", "z.npy", "--permutations", "20", "--seed", "3", "--no-error-bar")
    null = mi_core.mutual_information(X, Y, given=Z, permutations=20, seed=3, error_bar=False).null
    assert f"20 shuffles given Z read {null.mean:.4f} with spread {null.std:.4f} bits; p = {null.p_value:.2g}" in run.stdout


@pytest.mark.usefixtures("files")
def test_a_constant_side_reads_0_and_says_so():
    np.save("dead.npy", np.ones((150, 2)))
    run = mi("estimate", "x.npy", "dead.npy")
    assert (run.exit_code, run.stdout.splitlines()[0]) == (0, "I(X;Y) = 0.0000 +- 0.0000 bits")
    assert "note: y is constant: all 150 samples are the same" in run.stderr


@pytest.mark.usefixtures("files")
def test_multi_information_by_the_second_algorithm():
    run = mi("multi", "x.npy", "y.npy", "z.npy", "--estimator", "ksg2", "--quiet")
    assert float(run.stdout) == mi_core.multi_information([X, Y, Z], estimator="ksg2").mi


@pytest.mark.usefixtures("files")
def test_labels_may_be_numbers_in_text():
    np.savetxt("labels.csv", LABELS == "dog", fmt="%d")
    run = mi("estimate", "x.npy", "labels.csv", "--labels", "--quiet")
    assert float(run.stdout) == mi_core.mutual_information(X, LABELS, estimator="ross").mi


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("estimate", "x.npy", "labels.npy"), "y has dtype <U3, first 'cat': give real numbers"),
        (("estimate", "x.npy", "labels.npy", "--labels", "--k", "149"), "class cat has"),
        (("estimate", "x.npy", "y.npy", "--labels"), "y has shape (150, 3): labels are one integer"),
        (("estimate", "x.npy", "z.npy", "--labels"), "y has values that are not whole"),
        (("estimate", "x.npy", "labels.npy", "--labels", "--estimator", "ksg2"), "--labels means the estimator ross"),
        (("estimate", "x.npy", "y.npy", "--given", "short.npy"), "x has 150 samples and z has 100"),
        (("estimate", "x.npy", "y.npy", "--given", "short.npy", "--subsample", "50"), "x has 150 samples and z has 100"),
        (("estimate", "x.npy", "y.npy", "--given", "none.npy"), "none.npy: there is no such file"),
        (("estimate", "x.npy", "y.npy", "--given", "z.npy", "--local", "z.npy"), "which is an input: name another file"),
        (("estimate", "x.npy", "y.npy", "--given", "z.npy", "--estimator", "lnc"), "the estimator where z is given is 'lnc'"),
        (("estimate", "x.npy", "y.npy", "--given", "z.npy", "--given-labels"), "z has values that are not whole"),
        (("estimate", "x.npy", "y.npy", "--given", "labels.npy", "--k", "100"), "class cat of z has"),
        (("estimate", "x.npy", "y.npy", "--given-labels"), "but there is no z: give z, or leave given_labels out"),
        (("estimate", "x.npy", "y.npy", "--given", "z.npy", "--pca", "1"), "reduce needs continuous x and y, and no z"),
        (("multi", "x.npy"), "give two or more"),
        (("multi", "x.npy", "short.npy"), "x1 has 150 samples and x2 has 100"),
        (("entropy", "x.npy", "--k", "150"), "x has 150 samples and k=150"),
        (("entropy", "x.npy", "--k", "three"), "--k is 'three'"),
        (("entropy", "labels.npy"), "x has dtype <U3"),
        (("divergence", "x.npy", "y.npy"), "x has 2 dimensions and x_prime has 3"),
        (("divergence", "x.npy", "x.npy", "--k", "1"), "150 samples of x coincide with their neighbours in x_prime"),
    ],
)
@pytest.mark.usefixtures("files")
def test_what_is_refused(command, message):
    run = mi(*command)
    assert message in run.stderr
    assert_refused(run)


@pytest.mark.parametrize("command", ["estimate", "multi", "entropy", "divergence", "transfer"])
def test_help_names_every_option(command):
    run = mi(command, "--help")
    for option in ("--k K[,K...]", "--units <bits|nats>", "--noise SCALE", "--local FILE", "--json", "--quiet", "Example: mi"):
        assert option in run.stdout


@pytest.mark.usefixtures("files")
def test_local_terms_of_different_samples_are_not_put_together():
    np.save("rare.npy", np.where(np.arange(150) < 2, "rare", LABELS))
    run = mi("estimate", "x.npy", "rare.npy", "--labels", "--local", "local.npy", "--k", "1,3")
    assert run.exit_code == 2
    assert "--local: which classes are left out depends on k" in run.stderr
    assert not Path("local.npy").exists()
