"""Files read from where they may be, and written whole or not at all, whatever ends the process or fills the disk."""

import io
import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mi_core import InputError, whole_files
from mi_core.files import load_array, load_arrays
from mi_core.whole_files import UNFINISHED, whole_file

KILLED_WHILE_WRITING = """
import os, pathlib, signal, sys
from mi_core.whole_files import whole_file
print(os.getpid(), flush=True)
with whole_file(pathlib.Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def leftovers(folder):
    return list(folder.glob(f"{UNFINISHED}*"))


def unshared(*command):
    return ["unshare", "-pf", "--mount-proc", "sh", "-c", '"$@"; true', "sh", *command]


def may_unshare():
    try:
        return subprocess.run(unshared("true"), capture_output=True, check=False).returncode == 0
    except OSError:
        return False


# Written


@pytest.mark.parametrize("in_a_container", [False, True])
def test_what_a_killed_process_left_is_in_nobodys_way(in_a_container, tmp_path):
    if in_a_container and not may_unshare():
        pytest.skip("this machine permits no process namespaces, in which every process has the same number")

    def write(end):
        command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(tmp_path / "out.npy"), end]
        return subprocess.run(unshared(*command) if in_a_container else command, capture_output=True, text=True, check=False)

    first = write("killed")
    assert len(leftovers(tmp_path)) == 1
    assert not (tmp_path / "out.npy").exists()
    second = write("whole")
    assert second.stderr == ""
    assert (first.stdout == second.stdout) == in_a_container
    assert (tmp_path / "out.npy").read_bytes() == b"half"
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(whole_files.fcntl is None, reason="Windows keeps open files itself")
def test_what_a_living_process_is_writing_stays(tmp_path):
    code = KILLED_WHILE_WRITING.replace("sys.argv[2]", "input()")
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "out.npy"), ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    other.stdout.readline()
    while other.poll() is None and not leftovers(tmp_path):
        time.sleep(0.01)
    time.sleep(0.1)  # made, and then locked
    with whole_file(tmp_path / "out.npy") as file, whole_file(tmp_path / "out.npy") as second:
        assert len(leftovers(tmp_path)) == 3
        file.write(b"one")
        second.write(b"two")
    whole_files.remove_unfinished(tmp_path)
    assert len(leftovers(tmp_path)) == 1
    other.communicate("go on\n", timeout=60)
    assert (other.returncode, (tmp_path / "out.npy").read_bytes()) == (0, b"half")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("length", [240, 255])
def test_a_result_may_have_as_long_a_name_as_the_file_system_takes(length, tmp_path):
    path = tmp_path / ("n" * (length - 4) + ".npy")
    with whole_file(path) as file:
        np.save(file, np.arange(3))
    assert load_array(str(path)).tolist() == [0, 1, 2]


def test_a_longer_name_is_refused_before_the_work(tmp_path):
    name = "n" * 252 + ".npy"
    with pytest.raises(InputError, match=r"n.npy cannot be written: File name too long\."), whole_file(tmp_path / name):
        pytest.fail("the work has begun")
    with pytest.raises(InputError, match=r"n.npy cannot be read: File name too long\."):
        load_array(str(tmp_path / name))


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of a file's size to set")
@pytest.mark.parametrize("write", [lambda file: np.save(file, np.zeros(10**5)), lambda file: file.write(b"more than two")])
def test_a_disk_that_takes_no_more_is_named_with_the_file(write, tmp_path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught, whole_file(tmp_path / "out.npy") as file:
            write(file)  # NumPy would write past Python into a BufferedWriter, and say only how many bytes are missing
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "out.npy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="has no limit of open files to set")
def test_too_many_open_files_are_no_fault_of_the_file(tmp_path):
    import resource

    np.save(tmp_path / "x.npy", np.arange(3))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files") as reading:
            load_array(str(tmp_path / "x.npy"))
        with pytest.raises(OSError, match="Too many open files") as writing, whole_file(tmp_path / "out.npy"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert reading.value.filename == str(tmp_path / "x.npy")
    assert writing.value.filename == str(tmp_path / "out.npy")


# Read


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no such files")
@pytest.mark.parametrize(
    ("make", "kind"),
    [(os.mkfifo, "a pipe"), (a_socket, "a socket"), (lambda path: path.symlink_to("/dev/zero"), "a device")],
)
def test_what_is_no_file_is_refused_and_not_waited_for(make, kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    make(Path("x.npy"))
    with pytest.raises(InputError, match=f"x.npy is {kind}: name a file, or pipe"):
        load_array("x.npy")


def piped(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def as_npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


VALUES = np.array([[1.5, 2.0], [3.0, 4.25]])


@pytest.mark.parametrize(
    "content",
    [as_npy(VALUES), b"1.5,2\n3,4.25\n", b"a,b\n1.5,2\n3,4.25\n", b"1.5\t2\n3\t4.25\n", b"\xef\xbb\xbf1.5,2\r\n3,4.25\r\n"],
)
def test_standard_input_is_told_by_how_it_starts(content, monkeypatch):
    piped(monkeypatch, content)
    np.testing.assert_array_equal(load_array("-"), VALUES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "standard input is empty: pipe"),
        (as_npy(VALUES)[:-3], "standard input is truncated, damaged or not a .npy, .csv or .tsv file"),
        (as_npy(np.array([None])), "standard input is truncated, damaged or not a .npy"),
        (bytes(range(128, 256)), "standard input is truncated, damaged or not"),
        (b"1,2\n3\n", "standard input: line 2 has 1 value and the first line has 2"),
    ],
)
def test_bad_standard_input_is_refused(content, message, monkeypatch):
    piped(monkeypatch, content)
    with pytest.raises(InputError, match=message):
        load_array("-")


def test_a_terminal_is_not_waited_for(monkeypatch):
    piped(monkeypatch, b"1\n2\n")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with pytest.raises(InputError, match="standard input is a terminal: pipe"):
        load_array("-")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="standard input is closed: pipe"):
        load_array("-")


def test_one_input_alone_is_standard_input(monkeypatch, tmp_path):
    piped(monkeypatch, b"1\n2\n")
    np.save(tmp_path / "y.npy", VALUES)
    arrays = load_arrays({"x": "-", "y": str(tmp_path / "y.npy")}).arrays
    assert [len(array) for array in arrays.values()] == [2, 2]
    with pytest.raises(InputError, match="x and z are both -, standard input, which can be read once"):
        load_arrays({"x": "-", "y": "y.npy", "z": "-"})


def test_whole_numbers_in_text_are_read_whole(tmp_path):
    (tmp_path / "labels.csv").write_text(f"{2**53}\n{2**53 + 1}\n")
    assert len(np.unique(load_array(str(tmp_path / "labels.csv")))) == 2
    (tmp_path / "mixed.csv").write_text(f"{2**53}\n0.5\n")
    assert load_array(str(tmp_path / "mixed.csv")).tolist() == [[2.0**53], [0.5]]


def test_new_files_have_the_usual_permissions(tmp_path):
    with whole_file(tmp_path / "one") as file:
        file.write(b"1")
    (tmp_path / "other").write_bytes(b"2")
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_links_in_a_circle_and_impossible_names_are_one_line(tmp_path):
    loop = tmp_path / "loop.npy"
    loop.symlink_to(loop)
    for path in (loop, tmp_path / "a\0b"):
        with pytest.raises(InputError, match="cannot be written"), whole_file(path):
            pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes with names")
def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(InputError, match="is a device, a pipe or a socket"), whole_file(tmp_path / "pipe.npy"):
        pass
    assert not (tmp_path / "pipe.npy").is_file()


def test_what_replaces_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "private.npy"
    path.touch(mode=0o600)
    with whole_file(path) as file:
        file.write(b"new")
    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o600, b"new")
