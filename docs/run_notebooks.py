"""Execute notebooks anew and keep what they show. `make notebooks` does it for those of docs/notebooks.

    python docs/run_notebooks.py docs/notebooks/*.ipynb

Each runs from top to bottom in a fresh kernel, in its own folder, as a reader's does. What changes from run to run without
telling anybody anything, such as times, is not kept.
"""

import hashlib
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

from mi_core.whole_files import whole_file

SECONDS = 600  # most that one cell may take
PASSING = re.compile(  # what TensorFlow logs while it loads, and that kernels are compiled
    r"^(?:WARNING: All log messages before absl|[IW]\d{4} |note: compiling kernel ).*\n", flags=re.MULTILINE
)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def digest(notebook: nbformat.NotebookNode) -> str:
    """What stands for the code of a notebook, so that a change since it was executed is seen."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def kept(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """An output as it is kept; None for one that says nothing."""
    if "metadata" in output:
        output.metadata.clear()
    if output.get("name") == "stderr":
        output.text = PASSING.sub("", output.text)
        return output if output.text else None
    return output


def executed(path: Path) -> nbformat.NotebookNode:
    """A notebook with fresh outputs, and without all else that its kernel left.

    Raises:
        CellExecutionError: A cell raised an error.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as sockets:  # files, where ports would have to be free
        kernel = Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"})
        client = NotebookClient(notebook, config=kernel, timeout=SECONDS, kernel_name=KERNEL["name"], coalesce_streams=True)
        client.execute(cwd=str(path.parent))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(kept, cell.outputs) if output]
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}, "executed_code": digest(notebook)}
    )
    nbformat.validate(notebook)
    return notebook


if __name__ == "__main__":
    for name in sys.argv[1:]:
        text = nbformat.writes(executed(Path(name)))
        with whole_file(Path(name)) as file:
            file.write(f"{text.rstrip()}\n".encode())
