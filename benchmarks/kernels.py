"""Registers, local memory and spills of the CUDA kernels, on any machine: `mi bench kernels [--out FOLDER]`.

Needs one of the extras cuda12 and cuda13, and ptxas; no GPU. FOLDER keeps the PTX and the machine code of each kernel.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from numba import cuda, types
from numba.cuda import dispatcher

from mi_core.backends.cuda import distances, order, tiles, tree
from mi_core.backends.cuda import filter as filter_

CAPABILITY = 9, 0  # of an H200


def signatures() -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Kernel and argument types, by name."""

    def array(dtype: Any, dims: int) -> Any:
        return types.Array(dtype, dims, "C")

    float64, int64 = types.float64, types.int64
    queries, wide, whole = array(types.int32, 1), array(float64, 2), array(int64, 2)
    boxes = wide, wide, wide, array(int64, 1)
    found: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "interleave": (order.interleave, (array(types.uint32, 2), int64, array(types.uint64, 1))),
        "search": (tree.search, (*boxes, queries, wide)),
        "count_near": (tree.count_near, (*boxes, queries, wide, whole)),
        "count_line": (tree.count_line, (array(float64, 1), queries, wide, whole)),
    }
    ends, codes, words, steps = array(int64, 1), array(types.uint64, 1), array(types.uint64, 2), array(float64, 1)
    ranked, planes, clipped = array(types.uint32, 2), array(types.uint64, 3), array(types.uint8, 2)
    found["fill_tiles"] = (distances.fill_tiles, (array(types.uint32, 2), ends, int64, int64, planes))
    for dtype in (types.float32, float64):
        rows = array(dtype, 2)
        arguments = {
            filter_.look_near: (rows, int64, steps),
            filter_.encode: (rows, queries, steps, steps, array(types.uint8, 1), words),
            filter_.search: (rows, int64, codes, words, steps, queries, ranked, steps, ends, wide),
            filter_.count: (rows, int64, int64, codes, words, int64, int64, steps, queries, ranked, wide, whole),
            distances.look_apart: (rows, ends, array(float64, 3)),
            distances.look_along: (rows, wide),
            distances.encode: (rows, whole, wide, steps, array(types.int16, 3), clipped),
            distances.settle_radii: (rows, planes, int64, steps, ends, wide),
            distances.settle_counts: (rows, int64, int64, planes, int64, int64, clipped, int64, steps, wide, whole),
        }
        found |= {
            f"{kernel.py_func.__module__.rpartition('.')[2]} {kernel.py_func.__name__} {dtype}": (kernel, types_of)
            for kernel, types_of in arguments.items()
        }
        columns, lists = array(dtype, 2), (array(dtype, 3), array(types.int32, 3))
        arguments = {
            tiles.find_nearest: (columns, int64, queries, int64, int64, array(dtype, 1), *lists),
            tiles.settle_radii: (columns, queries, array(int64, 1), *lists, wide),
            tiles.settle_crowded: (columns, int64, queries, array(int64, 1), lists[0], array(int64, 1), wide),
            tiles.count_nearer: (columns, int64, queries, wide, columns, whole),
        }
        found |= {f"{kernel.py_func.__name__} {dtype}": (kernel, types_of) for kernel, types_of in arguments.items()}
    return found


def main(folder: Path | None = None) -> None:
    """Print what each kernel needs; a folder keeps its PTX and machine code."""
    if folder is None:
        with tempfile.TemporaryDirectory() as scratch:
            main(Path(scratch))
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Functions that kernels call are compiled for the current GPU, which there need not be.
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=CAPABILITY)  # type: ignore[attr-defined]
    compiler: Any = cuda
    architecture = f"-arch=sm_{CAPABILITY[0]}{CAPABILITY[1]}"
    for name, (kernel, arguments) in signatures().items():
        path = folder / f"{name.replace(' ', '_')}.ptx"
        path.write_text(compiler.compile_ptx(kernel.py_func, types.void(*arguments), cc=CAPABILITY)[0], encoding="utf-8")
        command = ["ptxas", architecture, "-v", str(path), "-o", str(path.with_suffix(".cubin"))]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
        used = [line.partition(": ")[2] or line for line in said if "Used" in line or "spill" in line]
        print(f"{name}: {'; '.join(part.strip() for part in reversed(used))}", flush=True)
