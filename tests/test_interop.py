"""Arrays of other libraries give what the same values in NumPy give. A library that is not installed is named in the skip."""

import numpy as np
import pytest

from mi_core import InputError, mutual_information

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3)).astype(np.float32)
Y = (X[:, :2] + RNG.standard_normal((60, 2))).astype(np.float32)
EXPECTED = mutual_information(X, Y).mi


def torch():
    return pytest.importorskip("torch", reason="torch is not installed: python -m pip install torch")


def test_pandas():
    pandas = pytest.importorskip("pandas")
    assert mutual_information(pandas.DataFrame(X), pandas.DataFrame(Y)).mi == EXPECTED
    column = pandas.Series(X[:, 0])
    assert mutual_information(column, pandas.DataFrame(Y)).mi == mutual_information(X[:, 0], Y).mi
    with pytest.raises(InputError, match="x: column name is text, first 'a' in row 0: give numbers here"):
        mutual_information(pandas.DataFrame({"name": ["a"] * 60, "value": X[:, 0]}), Y)


def test_tables_of_flags_and_numbers():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"flag": X[:, 0] > 0, "value": X[:, 1], "count": np.arange(60)})
    plain = np.column_stack([X[:, 0] > 0, X[:, 1], np.arange(60)])
    found = mutual_information(table, Y)
    assert found.mi == mutual_information(plain, Y).mi
    first, *others = found.notes
    assert first.startswith("x: true and false in flag were read as numbers, 1 and 0")
    assert tuple(others) == mutual_information(plain, Y).notes
    mixed = [[np.bool_(flag), value, count] for flag, value, count in plain]
    of_objects = mutual_information(np.array(mixed, dtype=object), Y)
    assert of_objects.mi == found.mi
    assert "x: numbers of several types" in of_objects.notes[0]
    with pytest.raises(InputError, match="x: column value has 60 missing values in 60 rows, first in row 0"):
        mutual_information(table.assign(value=pandas.array([pandas.NA] * 60)), Y)


def test_labels_of_pandas():
    pandas = pytest.importorskip("pandas")
    labels = np.array(["cat", "dog"])[(X[:, 0] > 0).astype(int)]
    expected = mutual_information(X, labels, estimator="ross").mi
    for series in (pandas.Series(labels), pandas.Series(labels, dtype="category"), pandas.DataFrame({"label": labels})):
        assert mutual_information(X, series, estimator="ross").mi == expected


def test_memory_mapped_files(tmp_path):
    np.save(tmp_path / "x.npy", X)
    assert mutual_information(np.load(tmp_path / "x.npy", mmap_mode="r"), Y).mi == EXPECTED


@pytest.mark.filterwarnings("default")  # JAX's own warnings are not ours to raise
def test_jax():
    jax = pytest.importorskip("jax")
    assert mutual_information(jax.numpy.asarray(X), jax.numpy.asarray(Y)).mi == EXPECTED
    halves = jax.numpy.asarray(X, dtype="bfloat16")
    assert mutual_information(halves, Y).mi == mutual_information(np.asarray(halves).astype(np.float32), Y).mi


def test_torch():
    lib = torch()
    assert mutual_information(lib.tensor(X, requires_grad=True), lib.tensor(Y)).mi == EXPECTED
    halves = lib.tensor(X).to(lib.bfloat16)
    assert mutual_information(halves, Y).mi == mutual_information(halves.float().numpy(), Y).mi


@pytest.mark.filterwarnings("default")
def test_tensorflow():
    tensorflow = pytest.importorskip("tensorflow", reason="tensorflow is not installed: python -m pip install tensorflow")
    assert mutual_information(tensorflow.constant(X), tensorflow.constant(Y)).mi == EXPECTED
    halves = tensorflow.cast(X, tensorflow.bfloat16)
    assert mutual_information(halves, Y).mi == mutual_information(tensorflow.cast(halves, "float32").numpy(), Y).mi


def test_anything_with_dlpack_alone():
    class Foreign:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    assert mutual_information(Foreign(X), Foreign(Y)).mi == EXPECTED


def test_cupy_like_arrays_are_copied_to_the_host():
    """CuPy itself needs a GPU; what matters here is that an array that refuses __array__ is asked to `get()`."""

    class OnDevice:
        @property
        def __cuda_array_interface__(self):
            return {"shape": X.shape}

        def __array__(self, *args, **options):
            raise TypeError("Implicit conversion to a NumPy array is not allowed.")

        def get(self):
            return X

    assert mutual_information(OnDevice(), Y).mi == EXPECTED


def test_what_another_library_complains_of_is_passed_on_in_one_line():
    class Broken:
        def __array__(self, *args, **options):
            raise RuntimeError("the buffer was donated\nand more")

    with pytest.raises(InputError, match=r"x cannot be read as an array: Broken gave the buffer was donated\."):
        mutual_information(Broken(), Y)


def test_bfloat16_as_numpy_saves_it(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    halves = X.astype(ml_dtypes.bfloat16)
    np.save(tmp_path / "halves.npy", halves)
    loaded = np.load(tmp_path / "halves.npy", mmap_mode="r")
    assert loaded.dtype == np.dtype("V2")
    result = mutual_information(loaded, Y)
    assert result.mi == mutual_information(halves, Y).mi == mutual_information(halves.astype(np.float32), Y).mi
    assert "read as bfloat16" in result.notes[0]
