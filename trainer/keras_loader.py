"""Import of Keras: choice of its backend, with nothing on stderr while the backend loads."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator

from mi_core import InputError

BACKENDS = ("tensorflow", "jax", "torch")


def choose_backend(recorded: str | None = None) -> str:
    """Choose the backend of Keras, set it in the environment, and return its name.

    The choice is the backend that the environment names, or else `recorded`, that of a run, or else the first one installed.

    Raises:
        InputError: The backend or Keras is not installed.
    """
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    if importlib.util.find_spec("keras") is None or not installed:
        raise InputError("training needs Keras, and TensorFlow, JAX or Torch: python -m pip install 'ksg-mi[train]'")
    wanted = os.environ.setdefault("KERAS_BACKEND", recorded or installed[0])
    if wanted not in installed:
        raise InputError(
            f"Keras is to run on {wanted!r}, which is not installed: set KERAS_BACKEND to {' or '.join(installed)}."
        )
    return wanted


def load() -> None:
    """Import Keras quietly, on a backend that takes only the GPU memory that it needs and leaves the rest to MI."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow talks about GPUs that are not there
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    with quiet_while_it_works():
        import keras  # noqa: F401


@contextlib.contextmanager
def quiet_while_it_works() -> Iterator[None]:
    """Hide what libraries write to stderr past Python, unless the block fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said:
        stderr = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
