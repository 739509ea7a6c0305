"""Kernels on disk are never stale, mixed up, or in the way."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from scripts import run

from mfg_envs.numerics import kernel_cache

pytest.importorskip("numba")

GAME = """
from dataclasses import dataclass
import numpy as np
import knobs
from helpers import bonus
from mfg_envs.game import FiniteGame

LEVEL = 2.0
TABLE = np.array([1.0, 3.0])


@dataclass(frozen=True, kw_only=True)
class Game(FiniteGame):
    discount: float = 0.5
    horizon: int | None = 2
    num_states = num_actions = 2
    initial_law = np.array([1.0, 0.0])

    def noise_law(self, t, x, a, m):
        return 0.5, 0.5 + 0 * x

    def step(self, t, x, a, m, w):
        return (x + w) % 2

    def more(self, x):
        return 0.0 * x

    def reward(self, t, x, a, m):
        return LEVEL + TABLE[a] + bonus(x) + knobs.WEIGHT + self.more(x)
"""
HELPERS = """
import numpy as np

DEPTH = 5.0


def bonus(x):
    return deep(x) + 1


def deep(x):
    return np.where(x == 0, DEPTH, DEPTH)
"""
KNOBS = "WEIGHT, SHIFT = 10.0, 0.0\n"
SHOW = """
import numpy as np
from knobs import SHIFT
from mfg_envs.numerics.compiler import constants, methods
from model import Game

view, noise_law, step, reward, jit = methods(Game)


@jit
def twice(number):
    return 2 * number


@jit
def earn(values, m, table):
    for x in range(2):
        for a in range(2):
            table[x, a] = twice(reward(view(*values), 0, x, a, m)) / 2 + SHIFT


table = np.empty((2, 2))
earn(constants(Game()), np.ones(2), table)
print(table.tolist())
"""
SOLVE = """
import numpy as np
from mfg_envs import exact
from model import Game

print(exact.action_values(Game(), np.full((2, 2), 0.5))[1].tolist())
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return a folder with a game, its helpers, and two scripts that compile it; a cache apart."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # two edits may have one time stamp
    sources = {"model": GAME, "helpers": HELPERS, "knobs": KNOBS, "show": SHOW, "solve": SOLVE}
    for name, source in sources.items():
        (tmp_path / f"{name}.py").write_text(source)
    return tmp_path


def edit(project, old, new):
    for name in ("model", "helpers", "knobs"):
        file = project / f"{name}.py"
        file.write_text(file.read_text().replace(old, new))


def kernels_of(project):
    return sorted((project / "cache").rglob("*.nbc"))


def test_a_kernel_is_never_older_than_what_it_was_made_of(project):
    edits = {  # each moves every reward by as much
        ("return LEVEL", "return 1 + LEVEL"): 1,  # the method
        ("LEVEL = 2.0", "LEVEL = 4.0"): 2,  # a number beside it
        ("[1.0, 3.0]", "[5.0, 7.0]"): 4,  # an array beside it
        ("deep(x) + 1", "deep(x) + 9"): 8,  # a function of another module
        ("DEPTH = 5.0", "DEPTH = 21.0"): 16,  # what that function calls on
        ("= 10.0", "= 42.0"): 32,  # a number read through its module
        ("return 0.0 * x", "return 128.0 + 0.0 * x"): 128,  # a method that the method calls
        ("0.0\n", "64.0\n"): 64,  # a number the kernel itself has from another module
    }
    assert run(project / "show.py").strip() == str([[19.0, 21.0]] * 2)
    shift = 0
    for (old, new), more in edits.items():
        edit(project, old, new)
        shift += more
        assert run(project / "show.py").strip() == str([[19.0 + shift, 21.0 + shift]] * 2)
    kept = kernels_of(project)
    assert kept
    run(project / "show.py")
    assert kernels_of(project) == kept  # an unchanged game compiles nothing


def test_a_solver_sees_an_edit_of_the_game(project):
    assert run(project / "solve.py").strip() == str([[19.0, 21.0]] * 2)
    edit(project, "DEPTH = 5.0", "DEPTH = 7.0")
    assert run(project / "solve.py").strip() == str([[21.0, 23.0]] * 2)
    kept = kernels_of(project)
    run(project / "solve.py")
    assert kernels_of(project) == kept


GIVE = """
import sys
import numpy as np
from mfg_envs.numerics.compiler import constants, methods
from model import Game


class Dear(Game):
    def reward(self, t, x, a, m):
        return 100.0 * (x + 1)


def kernel(game_class):
    view, noise_law, step, reward, jit = methods(game_class)

    @jit
    def give(values, m):
        table = np.empty(2)
        for x in range(2):
            table[x] = reward(view(*values), 0, x, 0, m)
        return table

    return give(constants(game_class()), np.ones(2)).tolist()


print([kernel({"Game": Game, "Dear": Dear}[name]) for name in sys.argv[1:]])
"""


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(("Game", "Dear"), id="one more"),
        pytest.param(("Dear",), id="another", marks=pytest.mark.slow),
    ],
)
def test_kernels_of_several_games_and_processes_live_side_by_side(project, second):
    script = project / "give.py"
    script.write_text(GIVE)
    known = {"Game": [19.0, 19.0], "Dear": [100.0, 200.0]}
    for names in (["Game"], second, ["Game", "Dear"], ["Dear", "Game"]):
        assert run(script, *names).strip() == str([known[name] for name in names])


@pytest.mark.parametrize("other", [("b", "same"), ("a", "else")], ids=["game", "signature"])
def test_kernels_that_are_saved_at_once_are_not_swapped(tmp_path, monkeypatch, other):
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    codegen = SimpleNamespace(magic_tuple=lambda: ("processor",))
    files, keys = [], []
    for fingerprint, signature in (("a", "same"), other):
        cache = kernel_cache.disk_cache()(tax_free, fingerprint * 64)
        keys.append(cache._index_key(signature, codegen))
        files.append(cache._cache_file)
    save_data = files[0]._save_data

    def interrupted(name, data):
        load_index = files[1]._load_index
        files[1]._load_index = dict  # read before the other one was written
        files[1].save(keys[1], "two")
        files[1]._load_index = load_index
        save_data(name, data)

    files[0]._save_data = interrupted
    files[0].save(keys[0], "one")
    assert [file.load(key) for file, key in zip(files, keys, strict=True)] == ["one", "two"]


def tax_free(x):
    return x


@pytest.mark.parametrize(
    "damage", [b"no pickle", *(pytest.param(d, marks=pytest.mark.slow) for d in (b"", b"\x80\x04"))]
)
def test_a_damaged_cache_is_compiled_around(project, damage):
    expected = run(project / "show.py")
    broken = list((project / "cache").rglob("*.nbi"))
    assert broken
    for file in broken:
        file.write_bytes(damage)
    assert run(project / "show.py", PYTHONWARNINGS="ignore") == expected


NO_FOLDER = """
def refuse(self, kernel):
    raise RuntimeError(f"cannot cache function {kernel}: no locator available")

caching.CacheImpl.__init__ = refuse
"""
FULL_DISK = """
def refuse(self, key, data):
    raise OSError(28, "No space left on device", self._index_path)

caching.IndexDataCacheFile.save = refuse
"""


@pytest.mark.parametrize("trouble", [NO_FOLDER, FULL_DISK], ids=["no-folder", "full-disk"])
def test_kernels_that_cannot_be_kept_are_one_warning_and_the_same_numbers(project, trouble):
    script = f"""
import runpy, sys, warnings
from numba.core import caching
{trouble}
sys.path.insert(0, {str(project)!r})
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    runpy.run_path({str(project / "show.py")!r})
print([f"{{w.category.__name__}}: {{w.message}}" for w in caught])
"""
    numbers, told = run("-c", script).splitlines()
    assert numbers == run(project / "show.py").strip()
    assert "RuntimeWarning: compiled kernels cannot be kept on disk (" in told
    assert ("No space left" in told) == (trouble == FULL_DISK)
    assert "set NUMBA_CACHE_DIR to a folder that can be written" in told
    assert told.count("RuntimeWarning") == 1


def test_an_environment_works_without_a_folder_for_kernels():
    script = f"""
from numba.core import caching
{NO_FOLDER}
import numpy as np
from mfg_envs import BatchEnv, make_game
env = BatchEnv(make_game("ring_road", num_cells=3, num_speeds=1), 1, 2, 0)
x = env.reset().state
print((env.step(np.zeros((1, 2), int)).state == (x + 1) % 3).all())
"""
    assert run("-c", script, PYTHONWARNINGS="ignore").strip() == "True"
