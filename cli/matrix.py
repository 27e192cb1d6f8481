"""`mi matrix`: the mutual information between all pairs of several files."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli._errors import stop_for
from cli._options import (
    FORMATS,
    AsJson,
    BackendOption,
    ErrorBar,
    Exclude,
    GroupsFile,
    MissingOption,
    Na,
    Noise,
    Seed,
    SeparatorOption,
    SeriesOption,
    StandardizeOption,
    Threads,
    UnitsOption,
    cells_of,
    refuse_inputs,
)
from cli._output import print_json, print_notes, print_table, say
from mi_core import InputError
from mi_core.display import measure_title
from mi_core.options import Measure
from mi_core.progress_bar import ProgressBar
from mi_core.text import as_cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mi_core.matrix import MIMatrix, Partial

OUT_FORMATS = (".csv", ".json")
BESIDE = ("labels", "groups")  # no names of layers
LONGEST_NAME = 255  # bytes, on nearly all file systems
KEPT_AS = 3  # the way in which a half-done matrix is kept and counted; another way starts anew


def matrix(
    layers: Annotated[list[str], typer.Argument(metavar="LAYER...", help=f"Samples of each layer, two or more: {FORMATS}.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the matrix to this .csv or .json file.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the matrix to this .png or .svg file.")] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="FILE", help="Class labels. MI of each layer with them is estimated too.")
    ] = None,
    k: Annotated[
        int | None,
        typer.Option(
            "--k",
            help="Neighbour order.  [default: 3; with --groups or --series about as many samples as belong together, at "
            "most 25]",
        ),
    ] = None,
    units: UnitsOption = "bits",
    standardize: StandardizeOption = "none",
    noise: Noise = 0.0,
    error_bar: ErrorBar = True,
    also: Annotated[
        str | None,
        typer.Option(
            metavar="cka[,knn]",
            help="Other measures of all pairs: cka, linear and debiased; knn, the share of ten nearest neighbours in common.",
        ),
    ] = None,
    groups: GroupsFile = None,
    series: SeriesOption = False,
    exclude: Exclude = None,
    missing: MissingOption = "refuse",
    separator: SeparatorOption = None,
    na: Na = None,
    seed: Seed = 0,
    backend: BackendOption = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the mutual information between all pairs of layers in one pass.

    Layers are named after their files, without the suffix. With --out, the same command resumes an interrupted run: what is
    done is kept in FILE.partial until the matrix is complete.

    Example: mi matrix layers/*.npy --out layers.csv --plot layers.png
    """
    from cli._plots import check_picture, draw_matrix
    from mi_core import mutual_information_matrix
    from mi_core.files import load_arrays
    from mi_core.whole_files import whole_file

    if len(layers) < 2:
        raise InputError(f"one layer was given, {layers[0]}: give at least two.")
    if out is not None and out.suffix.lower() not in OUT_FORMATS:
        raise InputError(f"--out is {out}: it is written as .csv or .json, so name it that way.")
    if plot is not None:
        check_picture(plot)
    for option, path in (("--out", out), ("--plot", plot)):
        refuse_inputs(option, path, (*layers, labels, groups))
    measures = parse_also(also)
    sources = dict(zip(names_of(layers), layers, strict=True))
    beside = {name: source for name, source in (("labels", labels), ("groups", groups)) if source is not None}
    cells = cells_of(separator, na)
    loaded = load_arrays(sources | beside, text=BESIDE, missing=series or missing == "drop", cells=cells)
    arrays = loaded.arrays
    classes = arrays.pop("labels", None)
    settings: dict[str, Any] = {"k": k, "units": units, "standardize": standardize, "noise": noise}
    settings |= {"error_bar": error_bar, "seed": seed}
    settings |= {"series": series, "exclude": exclude} | ({"missing": missing} if missing != "refuse" else {})
    unfinished = Unfinished(out, arrays, settings) if out is not None else None
    groups_of_rows = arrays.pop("groups", None)

    with contextlib.ExitStack() as stack:
        out_file = stack.enter_context(whole_file(out)) if out is not None else None
        plot_file = stack.enter_context(whole_file(plot)) if plot is not None else None
        bar = stack.enter_context(ProgressBar("counting neighbours"))
        try:
            found = mutual_information_matrix(
                arrays,
                **settings,
                labels=classes,
                groups=groups_of_rows,
                also=measures,
                backend=backend,
                threads=threads,
                progress=bar,
                resume=unfinished.read() if unfinished else None,
                on_partial=unfinished.write if unfinished else None,
            )
        except KeyboardInterrupt as interrupt:
            if unfinished is None or not unfinished.path.exists():
                raise
            stop_for(interrupt, f"{unfinished.path} keeps what was done: the same command resumes from there.")
        found = dataclasses.replace(found, notes=(*loaded.notes, *found.notes))
        if out is not None and out_file is not None:
            out_file.write((as_csv(found) if out.suffix.lower() == ".csv" else as_text(found, layers)).encode())
        if plot is not None and plot_file is not None:
            draw_matrix(found, plot_file, plot.suffix)
    if unfinished:
        unfinished.path.unlink(missing_ok=True)
    if as_json:
        print_json({"layers": layers, **found.to_dict()})
        return
    print_for_people(found)
    print_notes(found.notes)


def parse_also(text: str | None) -> list[Any]:
    """Measures from text like cka or cka,knn."""
    from mi_core.arguments import one_of

    words = [word.strip() for word in text.split(",")] if text is not None else []
    for word in words:
        one_of(word, Measure, "--also")
    return words


def names_of(sources: Sequence[str]) -> list[str]:
    """Names of layers: file names without folder and suffix, or the key of path:key. No two may be equal."""
    from mi_core.files import split_key

    owners: dict[str, str] = {}
    for source in sources:
        path, key = split_key(source)
        name = key or path.stem
        if name in BESIDE:
            raise InputError(f"{source} is named {name}, which --{name} stands for: rename the file.")
        if name in owners:
            raise InputError(f"{owners[name]} and {source} are both named {name}: give files of different names.")
        owners[name] = source
    return list(owners)


@dataclasses.dataclass(frozen=True)
class Task:
    """Identity of an unfinished matrix."""

    checksum: str


@dataclasses.dataclass(frozen=True)
class Kept:
    """The finished part of a matrix, with the fields of mi_core.matrix.Partial."""

    rows: list[int]
    sums: list[list[float]]
    squares: list[list[float]]
    tied: list[int]


class Unfinished:
    """The finished part of a matrix, in a file beside the output; valid only for the same layers and settings."""

    def __init__(self, out: Path, arrays: dict[str, Any], settings: dict[str, Any]) -> None:
        import numpy as np

        self.names, self.k = tuple(arrays), settings["k"]
        self.n_samples = min(len(array) if array.ndim else 0 for array in arrays.values())
        checksum = hashlib.sha256(json.dumps([KEPT_AS, settings], sort_keys=True).encode())
        for name, array in arrays.items():
            checksum.update(ascii(f"{name} {array.dtype} {array.shape}").encode())
            for rows in np.array_split(array, max(1, array.nbytes // 2**26)) if array.ndim else [array]:
                checksum.update(content_of(rows))
        self.checksum = checksum.hexdigest()
        name = f"{out.name}.partial"
        self.path = out.with_name(name if len(os.fsencode(name)) <= LONGEST_NAME else f"{self.checksum}.partial")

    def read(self) -> Partial | None:
        """The part that an earlier run of this task finished; None if there is none.

        Raises:
            InputError: The file is there, but damaged.
        """
        import numpy as np

        from mi_core.matrix import Partial
        from mi_core.records import read_content, record_from_json

        complaint = f"{self.path} is damaged; delete it to start anew"
        try:
            content = read_content(self.path)
        except FileNotFoundError:
            return None
        if record_from_json(content, Task, complaint).checksum != self.checksum:
            return None
        kept = record_from_json(content, Kept, complaint)
        pairs = len(self.names) * (len(self.names) + 1) // 2
        for name, values in (("rows", kept.rows), ("sums", kept.sums), ("squares", kept.squares), ("tied", kept.tied)):
            if len(values) != pairs:
                raise InputError(f"{complaint}: {name}: it has {len(values)} values for {pairs} pairs.")
        for name, counts in (("rows", kept.rows), ("tied", kept.tied)):
            if not 0 <= min(counts) <= max(counts) <= self.n_samples:
                raise InputError(f"{complaint}: {name}: each must be between 0 and the number of samples, {self.n_samples}.")
        for name, sums in (("sums", kept.sums), ("squares", kept.squares)):
            if any((rows > 0) != (len(parts) > 0) for rows, parts in zip(kept.rows, sums, strict=True)):
                raise InputError(f"{complaint}: rows and {name} do not go together: a pair has {name} once it has rows.")
        rows, tied = (np.array(counts, np.int64) for counts in (kept.rows, kept.tied))
        return Partial(self.k, rows, tuple(map(tuple, kept.sums)), tuple(map(tuple, kept.squares)), tied)

    def write(self, partial: Partial) -> None:
        """Write the finished part, whole or not at all."""
        from mi_core.whole_files import whole_file

        record = {
            "checksum": self.checksum,
            "rows": partial.rows.tolist(),
            "sums": partial.sums,
            "squares": partial.squares,
            "tied": partial.tied.tolist(),
        }
        with whole_file(self.path) as file:
            file.write(json.dumps(record).encode())


def content_of(rows: NDArray[Any]) -> bytes | memoryview:
    """Content of an array, for a checksum. An array of objects, such as text, itself holds only pointers to them."""
    import numpy as np

    return ascii(rows.tolist()).encode() if rows.dtype == object else np.ascontiguousarray(rows).view(np.uint8).data


def as_csv(found: MIMatrix) -> str:
    """CSV: a header and one line per layer, in full precision; other measures in columns such as cka:layer."""
    import csv
    import io

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    names, rows = with_labels(found)
    for measure, values in found.also.items():
        names += [f"{measure}:{name}" for name in found.names]
        rows = [[*row, *more] for row, more in zip(rows, values.tolist(), strict=True)]
    lines.writerow(["layer", *map(as_cell, names)])
    for name, row in zip(found.names, rows, strict=True):
        lines.writerow([as_cell(name), *map(repr, row)])
    return text.getvalue()


def as_text(found: MIMatrix, layers: Sequence[str]) -> str:
    return json.dumps({"layers": list(layers), **found.to_dict()}, indent=2, allow_nan=False) + "\n"


def with_labels(found: MIMatrix) -> tuple[list[str], list[list[float]]]:
    """Names of the columns, and the rows of values; labels, if given, are the last column."""
    names, rows = list(found.names), found.mi.tolist()
    if found.with_labels is not None:
        names.append("labels")
        rows = [[*row, value] for row, value in zip(rows, found.with_labels.tolist(), strict=True)]
    return names, rows


def samples_of(found: MIMatrix) -> str:
    """Number of samples behind each entry."""
    if found.pair_samples is None:
        return f"{found.n_samples:,}"
    return f"{found.pair_samples.min():,} to {found.pair_samples.max():,} of {found.n_samples:,}"


def print_for_people(found: MIMatrix) -> None:
    at_ceiling = all(abs(found.mi[place, place] - found.ceiling) < 1e-9 for place in range(len(found.names)))
    itself = (
        f"a layer with itself is at the ceiling, {found.ceiling:.4f}" if at_ceiling else f"the ceiling is {found.ceiling:.4f}"
    )
    say(f"MI in {found.units}; k={found.k}, {samples_of(found)} samples; {itself}")
    print_pairs(found.names, *with_labels(found))
    for measure, values in found.also.items():
        say(measure_title(measure, found.n_samples))
        print_pairs(found.names, found.names, values.tolist())


def print_pairs(layers: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[float]]) -> None:
    """Print one line per layer, below the names of the columns."""
    print_table(
        [
            {"": layer, **{name: f"{value:.4f}" for name, value in zip(names, row, strict=True)}}
            for layer, row in zip(layers, rows, strict=True)
        ]
    )
