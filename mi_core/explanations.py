"""Explanations of the notes: the cause of each kind, and what to do. `mi explain KEY` prints one, docs/notes.md has all."""

from __future__ import annotations

import dataclasses

from mi_core.text import EXPLAIN


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Explanation of one kind of note.

    Attributes:
        title: The problem in one line.
        cause: What was found in the data, and how it affects the result.
        remedy: What to do.
    """

    title: str
    cause: str
    remedy: str


def noted(key: str, text: str) -> str:
    """Make a note from its text and the command that explains its kind."""
    assert key in EXPLANATIONS, key  # noqa: S101  a test finds every key
    return f"{text}{EXPLAIN}{key}]"


def explained(note: str) -> str:
    """Key of the explanation of a note."""
    return note.rpartition(EXPLAIN)[2].removesuffix("]")


ESTIMATES = {
    "dimensions": Explanation(
        "Too many dimensions for an estimate in bits",
        "With more than about ten columns in all, the nearest neighbours of a sample are far away, and KSG sees only part "
        "of the dependence: for Gaussian data with 14.4 bits in 50 + 50 columns, 2,000 samples give 1.07 bits. The number "
        "still rises and falls with the dependence, so it can rank settings of equal dimensions, k and number of samples. It "
        "is not the MI in bits.",
        "For bits, request a lower bound measured on held-out samples (--lower-bound), or estimate in fewer columns "
        "(--cca 8, --pca 8), whose MI is at most that of all columns. --diagnose judges how far to trust the estimate.",
    ),
    "ties": Explanation(
        "Values recur",
        "KSG assumes continuous data, in which no two values are equal. Zeros of ReLU units, saturated units, rounded "
        "values and whole numbers violate this. ksg1 averages over all orders of distances that tie, as negligibly small noise "
        "would on average; many ties bias the estimate.",
        "For class labels use --labels (estimator ross). For mixtures of numbers and values that recur use --estimator "
        "mixture, for a few levels --estimator discrete. For rounded values compare with --noise 1e-6: if the estimate does "
        "not change, ties do not matter. Rows that are copies stay copies with noise: keep one of each.",
    ),
    "equal-distances": Explanation(
        "Samples have several k-th neighbours",
        "Several samples are exactly as far away as the k-th neighbour, as on a grid of rounded or evenly spaced values. "
        "Such ties are averaged over all their orders, as by negligibly small noise. With one or two columns per side that "
        "does no harm; with many columns that tie at once, the estimate is far too low.",
        "With few columns, nothing. With many, compare with --noise 1e-6 and with --estimator discrete; if they differ, "
        "trust neither until you know how the values arose.",
    ),
    "copies": Explanation(
        "Rows are copies of each other in all sides together",
        "One measurement copied into several rows looks like dependence: the copies are each other's nearest neighbours "
        "on both sides. Independent columns give 1.1 bits if each row occurs twice, and 9 bits if it occurs four times.",
        "Keep one row of each measurement. If rows truly repeat, as with discrete data, use --estimator mixture or discrete.",
    ),
    "constant": Explanation(
        "A side never changes",
        "All its samples are the same, so it tells nothing about the other side: MI is 0 by definition, and no estimate was "
        "made. Given a constant, I(X;Y|Z) is I(X;Y).",
        "Check that this is the right file or layer. Dead ReLU units and layers before training are common causes.",
    ),
    "scales": Explanation(
        "Sides or columns are on scales far apart",
        "Distances of all columns are compared with each other, so a column with a far smaller scale hardly counts. A side "
        "that hardly counts pulls the estimate towards 0; a condition that hardly counts raises a conditional estimate, as "
        "if it were absent.",
        "--standardize sides brings whole sides to the same spread, --standardize columns each column. Leave columns as "
        "they are if they share one unit of measurement, as the units of a layer do.",
    ),
    "ceiling": Explanation(
        "The estimate is near the most that so many samples can show",
        "No KSG estimate without ties exceeds psi(N) - psi(k), about log2(N / k) bits. Near this ceiling, the truth may be "
        "any larger value, and infinite if y is a function of x.",
        "Take more samples or a smaller k, or study the deterministic relation itself. For strong dependence in few "
        "dimensions use --estimator lnc.",
    ),
    "rising": Explanation(
        "The estimate still rises with the number of samples",
        "The parts of the samples that the error bar comes from give clearly less than all samples together. Such an estimate "
        "is often too low, and its error bar, which is chance alone, does not show that: on kinds of data that the note was "
        "not fitted to, three in five were wrong by more than 20 %, 0.1 bit and two standard errors.",
        "Add --diagnose, and --lower-bound for what MI is at least. More samples, fewer columns or a smaller k help.",
    ),
    "negative": Explanation(
        "The estimate is below 0",
        "MI is never negative, but estimates scatter around the truth; if the truth is 0, half of them fall below. Clipping "
        "them at 0 would bias every average.",
        "Read it as 0 within the error bar. --permutations tests whether there is any dependence.",
    ),
    "order": Explanation(
        "Neighbouring rows are alike: samples may not be independent",
        "In two sides at once, consecutive rows are nearer to each other than chance allows, as in a series, trials of one "
        "subject or tokens of one sentence. Each row then finds its neighbours in its own stretch: the estimate is too high, "
        "the error bar too short, p too small. Two unrelated random walks of 2,000 steps give 0.6 to 2.1 bits.",
        "Declare what belongs together: --series for a series, --groups FILE for subjects, sentences, images. Shuffling the "
        "rows hides the problem and does not solve it, unless independent samples were merely sorted.",
    ),
    "few-units": Explanation(
        "Few independent units",
        "Rows that belong together count as one unit, and there are few units. The estimate may be far off by chance, "
        "whatever the number of rows. A trend gives a series a memory that seems endless.",
        "Collect more subjects or a longer series; remove the trend of a series first.",
    ),
    "no-error-bar": Explanation(
        "No error bar",
        "The error bar compares at least four disjoint parts of the samples, each of at least 4 (k + 1). There are fewer "
        "samples, or too few for the columns or classes, or too few groups or stretches of a series, which no two parts may "
        "share.",
        "Collect more samples or groups, take a smaller k, or judge by --permutations alone.",
    ),
    "small-k": Explanation(
        "k is small for rows that belong together",
        "With groups, neighbours must come from other groups. If k is far below the number of rows in a group, they all "
        "come from one other group, and the estimate is too low.",
        "Leave k out: it is then chosen for the groups. Or subtract the mean over shuffles (--permutations).",
    ),
    "p-given": Explanation(
        "p given Z may be too small",
        "To test X against Y given Z, X is drawn again given Z. If values recur, or if Z has more columns than this was "
        "measured for, part of the dependence on Z is lost, which passes for dependence of X and Y.",
        "Give fewer columns of Z, or its classes (--given-labels), within which the test is exact.",
    ),
    "given-labels": Explanation(
        "Z looks like class labels taken for numbers",
        "Z takes a few whole numbers, whose distances now count: class 1 is nearer to 2 than to 9. Conditioning on "
        "classes means staying within each class.",
        "If they are labels, add --given-labels. If they are real measurements, nothing need be done.",
    ),
    "small-classes": Explanation(
        "Classes with too few members were left out",
        "An estimate within a class needs more than k members. Smaller classes are left out, so the result is that of the "
        "other samples.",
        "Merge small classes, or use a smaller k.",
    ),
    "rare-values": Explanation(
        "Values recur too seldom for their frequencies",
        "The discrete estimator counts how often each value occurs. With few samples per value, entropies are too low and "
        "mutual information is too high: 1,000 samples of 1,000 values give 10 bits, dependent or not.",
        "Bin the values coarsely, or use an estimator for continuous data.",
    ),
    "gaussian": Explanation(
        "A closed form that assumes Gaussian data",
        "gaussian sees only linear dependence, gaussian-copula only monotonic dependence: a circle or a parabola gives 0.",
        "Compare with ksg1 in few dimensions.",
    ),
    "near-plane": Explanation(
        "lnc corrects the shape of one side",
        "The columns of one side lie near a curve or plane of fewer dimensions. The correction of lnc, meant for "
        "dependence between the sides, then mistakes that shape for dependence.",
        "Use fewer columns, or ksg1.",
    ),
    "noise-lost": Explanation(
        "The noise was lost in rounding",
        "The requested noise is smaller than the spacing of float64 numbers near the values, so the values did not change.",
        "Subtract a large offset first, or use larger noise.",
    ),
}

READING = {
    "missing": Explanation(
        "Rows with missing values were left out",
        "--missing drop leaves out each row in which a value is missing. If values are missing for a reason, for example "
        "because the rich do not state their income, the remaining rows are another population.",
        "Report how many rows remained. Without the option, missing values are refused.",
    ),
    "missing-words": Explanation(
        "Text that may stand for missing values",
        "Words such as '?', '-' or '.' recur in a column and were read as a class of their own.",
        "If they mean missing values, name them: --na '?'.",
    ),
    "index": Explanation(
        "pandas indexes differ",
        "Rows are paired by position, but the indexes of two sides name different rows, or the same rows in another order.",
        "Align the sides first, for example x.align(y, join='inner', axis=0).",
    ),
    "flattened": Explanation(
        "Each sample's array was laid out as one row",
        "An array (n_samples, a, b, ...) counts as n_samples rows of a * b * ... columns, often thousands.",
        'For units at several positions use positions="mean", "first" or "samples" in the callback, or average over the '
        "positions first.",
    ),
    "rounded": Explanation(
        "Values were brought to float64",
        "Values wider than float64, or of several types, were rounded to the 53 bits of float64; two-byte values without a "
        "type were read as bfloat16. Distinct values may have become equal.",
        "If distinct values were lost, subtract the minimum before the conversion.",
    ),
    "header": Explanation(
        "The first line of a table was read as a sample",
        "The line has only numbers, or words that recur below it, so it does not look like column names. Columns are "
        "named by their positions, from 0.",
        "Write column names into the first line.",
    ),
    "separator": Explanation(
        "Which character stands between columns was found out",
        "The suffix of the file suggests another character than the one that splits its first line into columns.",
        "If the guess is wrong, name the character with --separator.",
    ),
    "sheets": Explanation(
        "The first of several sheets was read",
        "The Excel file has several sheets, and none was named.",
        "Name one: book.xlsx:Sheet2:",
    ),
    "dates": Explanation(
        "Dates were read as numbers",
        "Dates become days since 1970, times become seconds since 1970, and durations become seconds. They then count like "
        "any other number.",
        "Extract the hour, the weekday or the month from a date if that is what you mean.",
    ),
    "text-column": Explanation(
        "A column looks like numbers or dates in a way of writing that is not read",
        "Decimal commas, thousands separators, days before months and the like were left as text and count as classes.",
        "Write numbers as 1234.5 and dates as 2026-01-31.",
    ),
    "flags": Explanation(
        "True and false were read as 1 and 0",
        "All other columns are numbers, so flags became numbers too.",
        "To use the column as classes, give it as Y with --labels.",
    ),
    "left-out-columns": Explanation(
        "Columns were left out of a ranking",
        "No estimate is possible for a column with too few remaining rows, with a class of too few members beside the "
        "condition, or with a different word in each row. Columns without a name are left out, too, as they may be row numbers "
        "that were saved with the data.",
        "The note gives the reason for each column.",
    ),
    "stand-in-data": Explanation(
        "scikit-learn's digits stand in for MNIST",
        "MNIST could not be downloaded, so the network trains on 1,797 digits of 8 x 8 pixels. Nothing about the paper "
        "follows from them.",
        "Give a file: --data mnist.npz, or a folder with the IDX files.",
    ),
    "not-measured": Explanation(
        "An epoch was not measured",
        "Activations had values that are not finite, or could not be used. Training continued, and the row has no estimate.",
        "Check the loss of that epoch: training has often diverged.",
    ),
}

SIMILARITY = {
    "cka": Explanation(
        "CKA is decided by little of the data",
        "A side is constant, its samples are all equally far apart, or one sample or column has nearly all the variance. "
        "Linear CKA then has little or nothing else to compare.",
        "Leave the sample out, or divide each column by its standard deviation.",
    ),
    "neighbour-ties": Explanation(
        "Ties decide who the neighbours are",
        "Several samples are exactly as far away as the k-th neighbour. Ties are broken at random, so that the overlap of a "
        "side even with itself is less than 1.",
        "Leave out constant and rounded columns, or compare the overlap with that of the side with itself.",
    ),
    "similarity-groups": Explanation(
        "Rows that belong together make layers look more alike",
        "CKA and neighbour overlap treat rows as independent, but rows of one subject or sentence are near each other in "
        "every layer.",
        "Compare one row of each group.",
    ),
    "intrinsic-dimension": Explanation(
        "The intrinsic dimension is not what it seems",
        "Copies were left out, neighbours are all at one distance as on a grid, or the estimate exceeds the number of columns.",
        "Use a larger k.",
    ),
    "participation-ratio": Explanation(
        "Few samples for a participation ratio",
        "With few samples, chance makes the variances more unequal, so the ratio is too low.",
        "Use several times more samples than the ratio.",
    ),
}

MACHINE = {
    "cache": Explanation(
        "Compiled kernels cannot be kept",
        "The folder for compiled code is not writable, so every process compiles again, for some seconds.",
        "Set NUMBA_CACHE_DIR to a writable folder.",
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
        "The data contain NaN, None or an empty cell. `--missing drop` leaves such rows out of all sides. Gaps in a series "
        "must be filled, because its steps must stay equal."
    ),
    "they must be paired row by row": (
        "Row i of X and row i of Y are one sample. Different numbers of rows mean that one side was filtered or cut: go back "
        "to where they were paired."
    ),
    "k must be smaller than the number of samples": (
        "A sample needs k others. With groups or a series, samples of its own group or time do not count."
    ),
    "Python objects that could run code": (
        "The file was pickled, and reading it could run any program. Save plain numbers, with `numpy.save` from an "
        "array of a numeric dtype, or `torch.save` from tensors."
    ),
    "labels must be integers": (
        "`--labels` treats Y as classes. Fractions are measurements: leave `--labels` out, or bin them first."
    ),
    "each class needs more than k": (
        "Within a class, neighbours are searched among its members. Merge small classes or use a smaller k."
    ),
    "of neighbours at equal distance": ("`ksg2` has no rule for ties. Use `ksg1`, `mixture` or `discrete`."),
    "lnc finds dependence where there is none": (
        "The correction of `lnc` fits a box to k neighbours and needs at least five per dimension. In many dimensions use "
        "`ksg1` and `--lower-bound`."
    ),
    "the covariance is singular": (
        "Columns are linear functions of each other, or there are fewer samples than columns. Leave such columns out, "
        "or reduce with `--pca`."
    ),
    "independent units, and there are about": (
        "Each group, or stretch of a series, counts once, and a test or an error bar needs several. Collect more groups or "
        "a longer series."
    ),
    "NaN or infinite": (
        "The array contains values that are no numbers. `--missing drop` leaves rows with NaN out; infinite values often come "
        "from a logarithm of 0 or from training that diverged."
    ),
    "labels are one integer, bool or text per sample": (
        "The side of the labels has several columns. With `--labels`, labels are Y, the second file: X and Y may be swapped."
    ),
    "diagnose works with ksg1 alone": (
        "The verdict was calibrated for the default estimator. With another one, rely on the error bar and on `--permutations`."
    ),
    "runs on one machine": (
        "Only some estimators can be split over machines, and only for independent samples. Leave `--scheduler` out."
    ),
    "differences exceed float64": (
        "Distances are computed in float64. Divide the values by a large number first; MI does not change."
    ),
    "is truncated, damaged or not a": (
        "The file ends early, or its suffix does not match its contents. Copy or save it again."
    ),
    "is in use by another process": ("Two processes would write the same run. Wait for the other, or stop it."),
}
