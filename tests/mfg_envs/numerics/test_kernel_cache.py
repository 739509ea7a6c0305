"""Kernels on disk that are damaged are mended; what cannot be kept is said, with the reason."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from mfg_envs.numerics import kernel_cache  # noqa: E402  they need numba
from mfg_envs.numerics.compiler import compile_kernel  # noqa: E402


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder that kernels are kept in."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel_cache, "_warned", [])
    return tmp_path


def fresh():
    """Return a kernel as a new process has it: compiled nowhere but on disk."""

    def twice(x):
        return 2 * x

    return compile_kernel(twice)


def played():
    """Return a result, and whether it was found on disk."""
    kernel = fresh()
    result = kernel(21)
    return result, sum(kernel.stats.cache_hits.values()) == 1


DAMAGES = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "garbage": lambda data: b"no pickle" * 20,
    "something else": lambda data: pickle.dumps(["no", "index"]),
    "index of something else": lambda data: pickle.dumps(numba.__version__) + pickle.dumps((1, [])),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_damaged_file_costs_one_process_and_no_more(folder, kind, damage):
    assert played() == (42, False)
    assert played() == (42, True)
    (file,) = folder.rglob(f"*.{kind}")
    whole = file.read_bytes()
    file.write_bytes(DAMAGES[damage](whole))
    assert played() == (42, False)  # warnings are errors here
    assert played() == (42, True)


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_missing_file_costs_one_process_and_no_more(folder, kind):
    played()
    (file,) = folder.rglob(f"*.{kind}")
    file.unlink()
    assert played() == (42, False)
    assert played() == (42, True)


def test_a_file_that_is_not_ours_to_read_is_replaced(folder, monkeypatch):
    from numba.core.caching import IndexDataCacheFile

    played()
    with monkeypatch.context() as locked:

        def refuse(self):
            raise PermissionError(13, "Permission denied", self._index_path)

        locked.setattr(IndexDataCacheFile, "_load_index", refuse)
        assert played() == (42, False)
    assert played() == (42, True)


def test_what_cannot_be_written_is_said_with_the_reason(folder):
    played()
    (file,) = folder.rglob("*.nbi")
    file.unlink()
    file.mkdir()  # cannot be replaced by a file
    with pytest.warns(RuntimeWarning, match=r"cannot be kept on disk \(IsADirectoryError: .*nbi"):
        assert played() == (42, False)
    assert played() == (42, False)  # and is said once


READ = """
import sys
import numpy as np
from mfg_envs.numerics.compiler import compile_kernel, scalar


class Priced:
    def reward(self, t):
        return self[t]


def pay(price, t):
    return reward(price, t)


reward = scalar(Priced.reward)
price = np.arange(10.0)[:3]  # what lies behind it is known
kernel = compile_kernel(pay)
try:
    print(kernel(price, 5), sum(kernel.stats.cache_hits.values()))
except IndexError as error:
    print("IndexError", sum(kernel.stats.cache_hits.values()))
"""


def test_reading_past_the_end_is_found_although_kernels_are_on_disk(tmp_path):
    script = tmp_path / "read.py"
    script.write_text(READ)

    def told(**variables):
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), **variables}
        command = [sys.executable, "-W", "error", str(script)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.splitlines()[-1]

    assert told() == "5.0 0"
    assert told() == "5.0 1"
    assert told(NUMBA_BOUNDSCHECK="1") == "IndexError 0"
    assert told(NUMBA_BOUNDSCHECK="1") == "IndexError 1"
    assert told() == "5.0 1"


def test_two_kernels_that_are_saved_at_once_are_both_found(folder):
    one, two = fresh(), fresh()
    assert (one(21), two(21)) == (42, 42)
    assert two(np.float64(1.5)) == 3.0
    assert played() == (42, True)
