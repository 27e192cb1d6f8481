"""What the notes mean: for each kind of note its cause, and what to do. `mi explain KEY` prints one, docs/notes.md has all."""

from __future__ import annotations

import dataclasses

from mi_core.text import EXPLAIN


@dataclasses.dataclass(frozen=True)
class Explanation:
    """One kind of note.

    Attributes:
        title: What is the matter, in one line.
        cause: What was seen in the data, and what it does to the result.
        remedy: What to do.
    """

    title: str
    cause: str
    remedy: str


def noted(key: str, text: str) -> str:
    """A note: what it says of the data at hand, and the command that explains its kind."""
    assert key in EXPLANATIONS, key  # noqa: S101  a test finds every key
    return f"{text}{EXPLAIN}{key}]"


ESTIMATES = {
    "dimensions": Explanation(
        "Too many dimensions for an estimate in bits",
        "With more than about ten columns in all, the nearest neighbours of a sample are far away, and KSG sees only part "
        "of the dependence: 2,000 samples of Gaussian data with 14.4 bits in 50 + 50 columns read 1.07. The number still "
        "rises and falls with the dependence, so it can rank settings of equal dimensions, k and number of samples. It is "
        "not the MI in bits.",
        "For bits, ask for a lower bound measured on held-out samples (--lower-bound), or estimate in fewer columns "
        "(--cca 8, --pca 8), whose MI is at most that of all. --diagnose judges how far to trust the estimate.",
    ),
    "ties": Explanation(
        "Values recur",
        "KSG assumes continuous data, of which no two values are equal. Zeros of ReLU units, saturated units, rounded "
        "values and whole numbers break that. The ksg estimators take samples at equal distance in any order, as noise "
        "too small to matter would do; much of it biases the estimate.",
        "For class labels give --labels (estimator ross). For whole samples that repeat take --estimator mixture, for a "
        "few levels --estimator discrete. For rounded values compare with --noise 1e-6: if the estimate stays, ties do "
        "not matter.",
    ),
    "equal-distances": Explanation(
        "Samples have several k-th neighbours",
        "Several samples lie exactly as far as the k-th neighbour, as on a grid of rounded or evenly spaced values. Which "
        "of them counts is decided as if by noise too small to matter. In one or two columns a side that does no harm; "
        "with many columns that tie at once, dependence reads far too low.",
        "In few columns, nothing. In many, compare with --noise 1e-6 and with --estimator discrete; where they differ, "
        "believe neither without knowing how the values arose.",
    ),
    "copies": Explanation(
        "Rows are copies of each other in all sides together",
        "One measurement copied into several rows looks like dependence: the copies are each other's nearest neighbours "
        "on both sides. Independent columns read 1.1 bits when each row stands twice, and 9 bits when it stands four "
        "times.",
        "Keep one row of each measurement. If rows truly repeat, as with discrete data, take --estimator mixture or discrete.",
    ),
    "constant": Explanation(
        "A side never changes",
        "All its samples are the same, so it tells nothing of the other side: MI is 0 by definition, and no estimate was "
        "made. Given a constant, I(X;Y|Z) is I(X;Y).",
        "Look whether the right file or layer was taken. Dead ReLU units and layers before training are usual causes.",
    ),
    "scales": Explanation(
        "Sides or columns are on scales far apart",
        "Distances of all columns are compared with each other: what has a far smaller scale hardly counts. A side that "
        "is drowned pulls the estimate towards 0; a condition that is drowned pulls a conditional estimate up, as if it "
        "were not there.",
        "--standardize sides brings whole sides to the same spread, --standardize columns each column. Leave columns as "
        "they are where they have one unit, as the units of a layer do.",
    ),
    "ceiling": Explanation(
        "The estimate is near the most that so many samples can show",
        "No KSG estimate without ties exceeds psi(N) - psi(k), some log2(N / k) bits. Near it, the truth may be anything "
        "above, infinite where y is a function of x.",
        "Take more samples or a smaller k, or look at the deterministic relation itself. For strong dependence in few "
        "dimensions take --estimator lnc.",
    ),
    "rising": Explanation(
        "The estimate still rises with the number of samples",
        "The parts of the samples that the error bar comes from give clearly less than all samples together. Such an estimate "
        "is often too low by more than its error bar, which is chance alone: on kinds of data that the note was not fitted to, "
        "two in three were.",
        "Add --diagnose, and --lower-bound for what MI is at least. More samples, fewer columns or a smaller k help.",
    ),
    "negative": Explanation(
        "The estimate is below 0",
        "MI is never negative, but its estimate scatters around the truth, and around 0 half of it falls below. Setting "
        "it to 0 would bias every average.",
        "Read it as 0 within the error bar. --permutations tells whether there is any dependence.",
    ),
    "order": Explanation(
        "Neighbouring rows are alike: samples may not be independent",
        "In two sides at once, rows that stand next to each other are nearer than chance allows, as in a series, trials "
        "of one subject, tokens of one sentence. Each then finds its neighbours within its own stretch: the estimate is "
        "too high, the error bar too short, p too small. Two unrelated random walks of 2,000 steps read 0.6 to 2.1 bits.",
        "Name what belongs together: --series for a series, --groups FILE for subjects, sentences, images. Shuffling the "
        "rows hides the fault and does not mend it, unless independent samples were merely sorted.",
    ),
    "few-units": Explanation(
        "Few independent units",
        "Rows that belong together count as one unit, and there are few units. Chance may move the estimate far, whatever "
        "the number of rows. A trend makes a series look as if it never forgot.",
        "Gather more subjects or a longer series; take a trend out of a series first.",
    ),
    "no-error-bar": Explanation(
        "No error bar",
        "The error bar compares disjoint parts of the samples that share no group, and there are too few groups, or "
        "stretches of a series, to make the parts.",
        "Gather more groups, or judge by --permutations alone.",
    ),
    "small-k": Explanation(
        "k is small for rows that belong together",
        "With groups, neighbours must come from other groups. With k far below the number of rows in a group they all "
        "come from one other group, and the estimate reads low.",
        "Leave k out: it is then chosen for the groups. Or subtract what shuffles read (--permutations).",
    ),
    "p-given": Explanation(
        "p given Z may be too small",
        "To test X against Y given Z, X is drawn again as Z has it. With recurring values, or with more columns of Z than "
        "this was measured for, that leaves traces of Z, which pass for dependence.",
        "Give fewer columns of Z, or its classes (--given-labels), within which the test is exact.",
    ),
    "given-labels": Explanation(
        "Z looks like class labels taken for numbers",
        "Z takes a few whole numbers, whose distances now count: class 1 is nearer to 2 than to 9. Conditioning on "
        "classes means staying within each.",
        "Where they are labels, add --given-labels. Where they are true numbers, nothing need be done.",
    ),
    "small-classes": Explanation(
        "Classes with too few members were left out",
        "An estimate within a class takes more than k of its members. Classes without are left out, so the result is that "
        "of the other samples.",
        "Merge small classes, or take a smaller k.",
    ),
    "rare-values": Explanation(
        "Values recur too seldom for their frequencies",
        "The discrete estimator counts how often each value occurs. With few samples a value, entropies read too low and "
        "mutual information too high: 1,000 samples of 1,000 values read 10 bits, dependent or not.",
        "Cut values into few bins, or take an estimator for continuous data.",
    ),
    "gaussian": Explanation(
        "A closed form that assumes Gaussian data",
        "gaussian sees linear dependence alone, gaussian-copula monotonic dependence alone: a circle or a parabola reads 0.",
        "Compare with ksg1 in few dimensions.",
    ),
    "near-plane": Explanation(
        "lnc corrects the shape of one side",
        "The columns of one side lie near a curve or plane of fewer dimensions. The correction of lnc, meant for "
        "dependence between the sides, then takes that shape for dependence.",
        "Take fewer columns, or ksg1.",
    ),
    "noise-lost": Explanation(
        "The noise was lost in rounding",
        "The noise asked for is smaller than the spacing of float64 numbers beside the values, which stay as they were.",
        "Subtract a large offset first, or take larger noise.",
    ),
}

READING = {
    "missing": Explanation(
        "Rows with missing values were left out",
        "--missing drop leaves out each row in which a value is missing. Where values are missing for a reason, such as "
        "an income that the rich do not tell, the rows left are another population.",
        "Say in a report how many rows were left. Without the option missing values are refused.",
    ),
    "missing-words": Explanation(
        "Text that may stand for missing values",
        "Words such as '?' or 'unknown' recur in a column and were read as a class of their own.",
        "Name them, --na '?', if they stand for missing values.",
    ),
    "index": Explanation(
        "pandas indexes differ",
        "Rows are paired by position, and the indexes of two sides name different rows, or the same in another order.",
        "Align the sides first, for example x.align(y, join='inner', axis=0).",
    ),
    "flattened": Explanation(
        "Each sample's array was laid out as one row",
        "An array (n_samples, a, b, ...) counts as n_samples rows of a * b * ... columns, often thousands.",
        'For units at several positions take positions="mean", "first" or "samples" in the callback, or average over them '
        "first.",
    ),
    "rounded": Explanation(
        "Values were brought to float64",
        "Values wider than float64, or of several types, were rounded to its 53 bits; two-byte values without a type were "
        "read as bfloat16. Distinct values may have become equal.",
        "If distinct values were lost, subtract the minimum before the conversion.",
    ),
    "header": Explanation(
        "The first line of a table was read as a sample",
        "It holds nothing but numbers, or words that recur below it, so that it does not look like names of columns. "
        "Columns are named by their places, from 0.",
        "Write names of columns into the first line.",
    ),
    "separator": Explanation(
        "Which character stands between columns was found out",
        "The ending of the file suggests another character than the one that cuts its first line into columns.",
        "--separator names it where the guess is wrong.",
    ),
    "sheets": Explanation(
        "The first of several sheets was read",
        "The Excel file has several sheets, and none was named.",
        "Name one: book.xlsx:Sheet2:",
    ),
    "dates": Explanation(
        "Dates were read as numbers",
        "Dates become days, times become seconds since 1970, durations seconds. They then count as any other number.",
        "Take the hour, the weekday or the month out of a date if that is meant.",
    ),
    "text-column": Explanation(
        "A column looks like numbers or dates in a way of writing that is not read",
        "Decimal commas, thousands with separators, days before months and the like were left as text, and count as classes.",
        "Write numbers as 1234.5 and dates as 2026-01-31.",
    ),
    "flags": Explanation(
        "True and false were read as 1 and 0",
        "All other columns are numbers, so flags became numbers, too.",
        "As a class give the column as Y, with --labels.",
    ),
    "left-out-columns": Explanation(
        "Columns were left out of a ranking",
        "A column with one value only, with too few rows left, or with a different word in each row, shares nothing that "
        "could be estimated.",
        "The note names the reason of each column.",
    ),
    "stand-in-data": Explanation(
        "scikit-learn's digits stand in for MNIST",
        "MNIST could not be downloaded, so the network trains on 1,797 digits of 8 x 8 pixels. Nothing about the paper "
        "follows from them.",
        "Give a file: --data mnist.npz, or a folder with the IDX files.",
    ),
    "not-measured": Explanation(
        "An epoch was not measured",
        "Activations held values that are not finite, or could not be used; training went on, and the row has no estimate.",
        "Look at the loss of that epoch: training has often diverged.",
    ),
}

SIMILARITY = {
    "cka": Explanation(
        "CKA is decided by little of the data",
        "A constant side, samples all equally far apart, or one sample or column with nearly all the variance leave "
        "linear CKA nothing else to compare.",
        "Leave the sample out, or divide each column by its standard deviation.",
    ),
    "neighbour-ties": Explanation(
        "Ties decide who the neighbours are",
        "Several samples are exactly as far as the k-th neighbour; which of them count is drawn at random, so that even a "
        "side with itself overlaps by less than 1.",
        "Leave constant and rounded columns out, or read the overlap against that of the side with itself.",
    ),
    "similarity-groups": Explanation(
        "Rows that belong together make layers look more alike",
        "CKA and neighbour overlap take each row for itself: rows of one subject or sentence are near each other in every "
        "layer.",
        "Compare one row of each group.",
    ),
    "intrinsic-dimension": Explanation(
        "The intrinsic dimension is not what it seems",
        "Copies were left out, neighbours lie at one distance as on a grid, or more dimensions were read than there are "
        "columns.",
        "Take a larger k.",
    ),
    "participation-ratio": Explanation(
        "Few samples for a participation ratio",
        "Chance spreads the variances of few samples, and the ratio reads low.",
        "Take several times more samples than the ratio.",
    ),
}

MACHINE = {
    "cache": Explanation(
        "Compiled kernels cannot be kept",
        "The folder for compiled code cannot be written, so that every process compiles anew, for some seconds.",
        "Set NUMBA_CACHE_DIR to a folder that can be written.",
    ),
}

SECTIONS = {
    "On an estimate": ESTIMATES,
    "On how data were read": READING,
    "On similarity and dimensions": SIMILARITY,
    "On the machine": MACHINE,
}
EXPLANATIONS = {key: one for section in SECTIONS.values() for key, one in section.items()}

ERRORS = {  # a phrase of the line -> cause, and what to do
    "missing value": (
        "NaN, None or an empty cell stands in the data. `--missing drop` leaves such rows out of all sides; gaps of a "
        "series must be filled, as its steps would no longer be equal."
    ),
    "they must be paired row by row": (
        "Row i of X and row i of Y are one sample. Different numbers of rows mean that one side was filtered, shuffled "
        "or cut: go back to where they were paired."
    ),
    "k must be smaller than the number of samples": (
        "A sample needs k others. With groups or a series, those of its own group or time do not count."
    ),
    "Python objects that could run code": (
        "The file was pickled, and reading it could run any program. Save plain numbers, with `numpy.save` from an "
        "array of a numeric dtype, or `torch.save` from tensors."
    ),
    "labels must be integers": (
        "`--labels` takes Y for classes. Fractions are measurements: leave `--labels` out, or cut them into bins first."
    ),
    "each class needs more than k": (
        "Within a class, neighbours are sought among its members. Join small classes or take a smaller k."
    ),
    "of neighbours at equal distance": ("`ksg2` has no rule for ties. Take `ksg1`, `mixture` or `discrete`."),
    "lnc finds dependence where there is none": (
        "The correction of `lnc` fits a box through k neighbours: it takes at least five for each dimension. In many "
        "dimensions take `ksg1` and `--lower-bound`."
    ),
    "the covariance is singular": (
        "Columns are linear functions of each other, or there are fewer samples than columns. Leave such columns out, "
        "or reduce with `--pca`."
    ),
    "independent units, and there are about": (
        "Groups or stretches of a series count once each, and a test or an error bar needs several. Gather more groups "
        "or a longer series."
    ),
    "cannot be split over a cluster": (
        "Only some estimators, and independent samples, are split over machines. Leave `--scheduler` out."
    ),
    "beyond the range of float64": (
        "Distances are computed in float64. Divide the values by a large number first; MI does not change."
    ),
    "is truncated, damaged or not a": (
        "The file ends early or is of another kind than its ending says. Copy it again, or save it anew."
    ),
    "is in use by another process": ("Two processes would write the same run. Wait for the other, or stop it."),
}
