"""Fixtures that several test files use."""

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow talks about GPUs that are not there

REPOSITORY = Path(__file__).parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def with_options(command, options):
    """The words of a command with these options, in the place of those of the same name: an option is taken once."""
    words, left = list(command), list(options)
    while left:
        name = left.pop(0)
        values = []
        while left and not str(left[0]).startswith("--"):
            values.append(left.pop(0))
        place = words.index(name) + 1 if name in words else len(words)
        words[place : place + len(values)] = values if name in words else [name, *values]
    return words


def without_compiling(stderr):
    """What a process wrote, but for the note of the first one on a machine."""
    return re.sub(
        r"^note: compiling kernel \d+, once on this machine; mi warmup compiles ahead\n", "", stderr, flags=re.MULTILINE
    )


def pytest_configure(config):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background starts without
    config.addinivalue_line("markers", "gpu: needs an NVIDIA GPU, or Numba's simulator of one")


@pytest.fixture
def example():
    """The example's two files, the first and last hidden layers of a small network."""
    return REPOSITORY / "examples" / "digits_first.npy", REPOSITORY / "examples" / "digits_last.npy"


@pytest.fixture
def activations():
    """Activations of networks trained on MNIST, from the folder MI_DATA or from ../shared/data."""
    folder = Path(os.environ.get("MI_DATA", REPOSITORY.parent / "shared" / "data")) / "activations"
    if not folder.is_dir():
        pytest.skip(
            f"needs MNIST activations, and there is no folder {folder}: set MI_DATA to the folder that holds activations/"
        )
    return folder
