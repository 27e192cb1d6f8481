"""Data sets: names, a user's own files, and what is wrong with them."""

import gzip
import os
import struct
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from conftest import REPOSITORY
from mi_core import InputError
from trainer import Settings, load_data

RNG = np.random.default_rng(0)
GOOD = {
    "x_train": RNG.integers(256, size=(30, 4, 4)).astype(np.uint8),
    "y_train": np.arange(30, dtype=np.uint8) % 3,
    "x_test": RNG.integers(256, size=(10, 4, 4)).astype(np.uint8),
    "y_test": np.arange(10, dtype=np.uint8) % 3,
}
IDX = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def write_npz(folder, **changes):
    arrays = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    np.savez(folder / "own.npz", **arrays)
    return folder / "own.npz"


def idx_bytes(array):
    return b"\x00\x00\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path):
    for key, name in IDX.items():
        packed = "images" in name
        content = idx_bytes(GOOD[key])
        (tmp_path / (name + ".gz" * packed)).write_bytes(gzip.compress(content) if packed else content)
    return tmp_path


def test_bytes_become_features_from_0_to_1(tmp_path):
    data = load_data(str(write_npz(tmp_path)))
    np.testing.assert_array_equal(data.x_train, (GOOD["x_train"].reshape(30, 16) / 255).astype(np.float32))
    np.testing.assert_array_equal(data.y_test, GOOD["y_test"])
    assert (data.n_classes, data.x_test.dtype, data.y_test.dtype) == (3, np.float32, np.int64)


def test_other_numbers_stay_as_they_are(tmp_path):
    wide = {key: GOOD[key].astype(float) for key in ("x_train", "x_test")}
    np.testing.assert_array_equal(load_data(str(write_npz(tmp_path, **wide))).x_test, GOOD["x_test"].reshape(10, 16))


def test_idx_files_packed_or_not_are_the_same_data(tmp_path, idx_folder):
    own, idx = load_data(str(write_npz(tmp_path))), load_data(str(idx_folder))
    np.testing.assert_array_equal(own.x_train, idx.x_train)
    assert own.checksum == idx.checksum


def test_the_checksum_knows_every_value(tmp_path):
    before = load_data(str(write_npz(tmp_path))).checksum
    labels = GOOD["y_test"].copy()
    labels[3] = (labels[3] + 1) % 3
    assert load_data(str(write_npz(tmp_path, y_test=labels))).checksum != before
    assert load_data(str(write_npz(tmp_path))).checksum == before


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_test": None}, "has no array 'y_test': it holds x_train, y_train, x_test"),
        ({"y_train": GOOD["y_train"][:-1]}, r"x_train has 30 samples and y_train has shape \(29,\)"),
        ({"y_train": np.eye(3)[GOOD["y_train"]]}, r"y_train has shape \(30, 3\)"),
        ({"y_test": GOOD["y_test"].astype(float)}, "y_test must hold whole numbers from 0"),
        ({"y_test": GOOD["y_test"].astype(int) - 1}, "y_test must hold whole numbers from 0"),
        ({"y_test": GOOD["y_test"] + 1}, "y_test has label 3, and y_train none above 2"),
        ({"y_train": np.zeros(30, int), "y_test": np.zeros(10, int)}, "y_train has the one label 0"),
        ({"y_train": GOOD["y_train"] + 100}, "y_train has label 102, more than there are samples"),
        ({"x_test": GOOD["x_test"][:, :2]}, r"x_train and x_test differ in shape, \(4, 4\) and \(2, 4\)"),
        ({"x_train": np.arange(30.0)}, r"x_train has shape \(30,\): it must be one sample per row"),
        ({"x_train": np.full((30, 4, 4), np.nan)}, "x_train must hold finite numbers"),
        ({"x_train": np.array([{}] * 30)}, "has dtype object"),
    ],
)
def test_files_that_do_not_fit(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        load_data(str(write_npz(tmp_path, **changes)))


def test_truncated_npz(tmp_path):
    path = write_npz(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match=r"own.npz is truncated or not a .npz file"):
        load_data(str(path))


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        (IDX["x_train"] + ".gz", lambda content: content[:-20], "is truncated or damaged"),
        (IDX["y_train"], lambda content: content[:-1], "is truncated or damaged: it has 37 bytes"),
        (IDX["y_train"], lambda content: content + b"0", "is truncated or damaged: it has 39 bytes"),
        (IDX["y_train"], lambda content: content[:6], "is truncated or damaged: it has 6 bytes"),
        (IDX["y_train"], lambda content: b"", "is not an IDX file"),
        (IDX["y_train"], lambda content: b"PK" + content, "is not an IDX file"),
    ],
)
def test_damaged_idx_files(idx_folder, name, spoil, message):
    (idx_folder / name).write_bytes(spoil((idx_folder / name).read_bytes()))
    with pytest.raises(InputError, match=message):
        load_data(str(idx_folder))


def test_names_and_paths_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="data is 'mnits', which is neither a file nor a folder nor one of auto, mnist"):
        load_data("mnits")
    with pytest.raises(InputError, match=r"has no train-images-idx3-ubyte.gz"):
        load_data(str(tmp_path))
    (tmp_path / "x.csv").write_text("1,2")
    with pytest.raises(InputError, match=r"is no .npz file"):
        load_data(str(tmp_path / "x.csv"))


def test_digits_are_always_the_same():
    data = load_data("digits")
    assert (data.x_train.shape, data.x_test.shape, data.n_classes, data.note) == ((1297, 64), (500, 64), 10, "")
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)
    assert data.checksum == load_data("digits").checksum


def test_without_a_network_the_digits_stand_in(monkeypatch):
    def fail():
        raise OSError("URL fetch failure: no route to host")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    data = load_data("auto")
    assert data.source == "digits"
    assert "no route to host" in data.note
    assert "--data PATH takes an mnist.npz or a folder with the four IDX files" in data.note
    with pytest.raises(InputError, match="mnist cannot be downloaded"):
        load_data("mnist")


def test_keras_data_are_taken(monkeypatch, capsys):
    def load():
        sys.stdout.write("Downloading data")
        return (GOOD["x_train"], GOOD["y_train"]), (GOOD["x_test"], GOOD["y_test"])

    monkeypatch.setattr(keras.datasets.fashion_mnist, "load_data", load)
    assert load_data("fashion-mnist").x_train.shape == (30, 16)
    assert capsys.readouterr().out == ""


def test_mnist_as_npz_and_as_idx_files_is_one():
    folder = Path(os.environ.get("MI_DATA", REPOSITORY.parent / "shared" / "data")) / "mnist"
    if not folder.is_dir():
        pytest.skip(f"needs MNIST, and there is no folder {folder}: set MI_DATA to the folder that holds mnist/")
    idx, npz = load_data(str(folder)), load_data(str(folder / "mnist.npz"))
    assert idx.checksum == npz.checksum
    assert (idx.x_train.shape, idx.x_test.shape, idx.n_classes) == ((60_000, 784), (10_000, 784), 10)
    assert idx.x_train.mean() == pytest.approx(0.13066, abs=1e-5)


def test_names_come_in_any_case_and_paths_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_data("DIGITS").source == "digits"
    assert Settings(data="Fashion-MNIST").data == "fashion-mnist"
    assert Settings(data="Some/Path").data == "Some/Path"
    (tmp_path / "MNIST").mkdir()
    assert Settings(data="MNIST").data == "MNIST"  # this folder, which has no IDX files
    with pytest.raises(InputError, match=r"MNIST has no train-images"):
        load_data("MNIST")
