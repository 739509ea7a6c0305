"""Back ends come and go; kernels on disk are never stale, mixed up, or in the way."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass

import numpy as np
import pytest

from mfg_envs import BatchEnv, compiled, exact, policies
from mfg_envs.game import FiniteGame
from mfg_envs.games.ring_road import RingRoad

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

    def reward(self, t, x, a, m):
        return LEVEL + TABLE[a] + bonus(x) + knobs.WEIGHT
"""
HELPERS = """
import numpy as np

DEPTH = 5.0


def bonus(x):
    return deep(x) + 1


def deep(x):
    return np.where(x == 0, DEPTH, DEPTH)
"""
KNOBS = "WEIGHT = 10.0\n"
SHOW = """
import numpy as np
from mfg_envs import BatchEnv, exact, policies
from model import Game

game = Game()
env = BatchEnv(game, 1, 3, 0)
env.reset()
print(env.step(np.array([[0, 1, 1]])).reward.tolist())
print(exact.value(game, exact.flow(game, policies.uniform(game)), policies.uniform(game)))
"""


def run(script, folder=None, **variables):
    """Run a script in a new process and return its output, or raise with its errors."""
    environment = {**os.environ, "PYTHONWARNINGS": "error", **variables}
    if folder is not None:
        environment["PYTHONPATH"] = str(folder)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def write(folder, changes=()):
    for name, source in (("model", GAME), ("helpers", HELPERS), ("knobs", KNOBS)):
        for old, new in changes:
            source = source.replace(old, new)
        (folder / f"{name}.py").write_text(source)


def test_a_kernel_is_never_older_than_what_it_was_made_of(tmp_path):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    edits = {  # each moves every reward by as much
        ("return LEVEL", "return 1 + LEVEL"): 1,  # the method
        ("LEVEL = 2.0", "LEVEL = 4.0"): 2,  # a number beside it
        ("[1.0, 3.0]", "[5.0, 7.0]"): 4,  # an array beside it
        ("deep(x) + 1", "deep(x) + 9"): 8,  # a function of another module
        ("DEPTH = 5.0", "DEPTH = 21.0"): 16,  # what that function calls on
        ("WEIGHT = 10.0", "WEIGHT = 42.0"): 32,  # a number read through its module
    }
    done, shift = [], 0
    for edit, more in ((None, 0), *edits.items()):
        done += [edit] if edit else []
        shift += more
        write(tmp_path, done)
        rewards, value = run(SHOW, tmp_path, **cache).splitlines()
        assert rewards == str([[19.0 + shift, 21.0 + shift, 21.0 + shift]])
        assert float(value) == pytest.approx(1.5 * (20 + shift))
    kept = sorted((tmp_path / "cache").rglob("*.nbc"))
    run(SHOW, tmp_path, **cache)
    assert sorted((tmp_path / "cache").rglob("*.nbc")) == kept  # an unchanged game compiles nothing
    assert kept


def test_what_a_class_closes_over_tells_its_kernels_apart(toys):
    def tax(amount):
        class Taxed(toys.Epidemic):
            def reward(self, t, x, a, m):
                return -amount * x

        return Taxed()

    for amount in (1.0, 2.0):
        game = tax(amount)
        everybody = np.array([[0.0, 1.0]] * 6)
        q = exact.action_values(game, everybody, policies.uniform(game))
        assert q[-1].tolist() == [[0, 0], [-amount, -amount]]


def test_two_games_that_are_compiled_at_once_do_not_get_each_others_kernels(tmp_path, monkeypatch):
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    one, two = (compiled._disk_cache()(tax_free, name * 64) for name in "ab")
    files = [cache._cache_file for cache in (one, two)]
    save_data = files[0]._save_data

    def interrupted(name, data):
        load_index = files[1]._load_index
        files[1]._load_index = dict  # read before the other one was written
        files[1].save("key", "two")
        files[1]._load_index = load_index
        save_data(name, data)

    files[0]._save_data = interrupted
    files[0].save("key", "one")
    assert [file.load("key") for file in files] == ["one", "two"]


def tax_free(x):
    return x


@pytest.mark.parametrize("damage", [b"", b"\x80\x04", b"no pickle"])
def test_a_damaged_cache_is_compiled_around(tmp_path, damage):
    write(tmp_path)
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    expected = run(SHOW, tmp_path, **cache)
    broken = list((tmp_path / "cache").rglob("*.nbi"))
    assert broken
    for file in broken:
        file.write_bytes(damage)
    assert run(SHOW, tmp_path, PYTHONWARNINGS="ignore", **cache) == expected


def test_without_a_folder_for_kernels_there_is_one_warning_and_the_same_numbers(tmp_path):
    write(tmp_path)
    script = """
    import warnings
    from numba.core import caching

    def refuse(*args):
        raise RuntimeError("cannot cache function: no locator available")

    caching.CacheImpl.__init__ = refuse
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
    """
    inside = textwrap.indent(SHOW, "    ")
    tell = "\nprint([f'{w.category.__name__}: {w.message}' for w in caught])"
    *numbers, told = run(textwrap.dedent(script) + inside + tell, tmp_path).splitlines()
    assert numbers == run(SHOW, tmp_path).splitlines()
    assert told.startswith("['RuntimeWarning: compiled kernels cannot be kept on disk")
    assert "set NUMBA_CACHE_DIR to a folder that can be written" in told
    assert told.count("RuntimeWarning") == 1


def test_a_full_disk_is_one_warning_and_the_same_numbers(tmp_path):
    write(tmp_path)
    script = """
    import warnings
    from numba.core import caching

    def refuse(self, key, data):
        raise OSError(28, "No space left on device", self._index_path)

    caching.IndexDataCacheFile.save = refuse
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
    """
    inside = textwrap.indent(SHOW, "    ")
    tell = "\nprint([f'{w.category.__name__}: {w.message}' for w in caught])"
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    *numbers, told = run(textwrap.dedent(script) + inside + tell, tmp_path, **cache).splitlines()
    assert numbers == run(SHOW, tmp_path).splitlines()
    assert told.count("RuntimeWarning: compiled kernels cannot be kept on disk") == 1


PLAY = """
import numpy as np
from mfg_envs import BatchEnv, exact, make_game, policies
from mfg_envs.compiled import backend

print(backend())
game = make_game("ring_road", num_cells=6, num_speeds=4, horizon=5)
policy = policies.uniform(game)
env = BatchEnv(game, 2, 50, 3)
env.reset()
rollout = env.rollout(policy, 5)
print(env.state.tolist(), rollout.mean_field.tolist())
print(rollout.reward.round(14).tolist(), round(exact.exploitability(game, policy), 12))
"""


def test_without_numba_numpy_gives_the_same_numbers():
    absent = """
    import sys

    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("numba", "llvmlite"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Absent())
    """
    with_numba = run(PLAY, MFG_ENVS_BACKEND="").splitlines()
    without = run(textwrap.dedent(absent) + PLAY, MFG_ENVS_BACKEND="").splitlines()
    assert [with_numba[0], without[0]] == ["numba", "numpy"]
    assert without[1:] == with_numba[1:]


def test_the_back_end_is_what_the_environment_says(use, monkeypatch):
    for name in ("numpy", "numba"):
        use(name)
        assert compiled.backend() == name
    for unset in ("", None):
        monkeypatch.setenv("MFG_ENVS_BACKEND", unset or "")
        assert compiled.backend() == "numba"


@pytest.mark.parametrize("name", ["cuda", "Numba", "numpy "])
def test_an_unknown_back_end_is_refused(use, name):
    use(name)
    message = f"MFG_ENVS_BACKEND must be 'numpy' or 'numba', got '{name}'"
    with pytest.raises(ValueError, match=message):
        BatchEnv(RingRoad(), 1, 1)
    with pytest.raises(ValueError, match=message):
        exact.flow(RingRoad(horizon=1), policies.uniform(RingRoad(horizon=1)))


def test_numba_forced_but_missing_is_refused_with_the_remedy(use, monkeypatch):
    use("numba")
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ValueError, match=r"'numba', which is missing: pip install numba"):
        compiled.backend()


@dataclass(frozen=True, kw_only=True)
class Worded(FiniteGame):
    """A game whose reward reads a word."""

    mood: str = "good"
    discount: float = 0.5
    horizon: int | None = 2
    num_states = num_actions = 2
    initial_law = np.array([1.0, 0.0])

    def noise_law(self, t, x, a, m):
        return 0.5, 0.5 + 0 * x

    def step(self, t, x, a, m, w):
        return w + 0 * x

    def reward(self, t, x, a, m):
        return 1.0 * x if self.mood == "good" else -1.0 * x


def test_a_method_that_reads_a_word_is_refused_with_the_remedy(use):
    message = (
        r"Worded reads self\.mood = 'good' in step, noise_law or reward; compiled methods read"
        r" numbers and arrays only: derive one in a cached property"
    )
    use("numba")
    with pytest.raises(TypeError, match=message):
        BatchEnv(Worded(), 1, 1)
    with pytest.raises(TypeError, match=message):
        exact.flow(Worded(), policies.uniform(Worded()))
    use("numpy")
    assert BatchEnv(Worded(), 1, 1).reset().reward.shape == (1, 1)


def test_compiled_methods_read_what_they_name_of_self_and_nothing_else(toys):
    assert compiled.methods(toys.Garnet).view._fields == ("_chances", "payoff", "successors")
    values = compiled.constants(toys.Garnet(size=3))
    assert [value.shape for value in values] == [(3, 4, 3), (3, 4), (3, 4, 3)]
    assert compiled.methods(toys.Market).view._fields == ("jam", "place")


def test_one_compiled_class_serves_every_size(toys):
    for size in (3, 50):
        game = toys.Garnet(size=size)
        env = BatchEnv(game, 1, 5, 0)
        start = env.reset()
        a = np.zeros((1, 5), int)
        expected = game.reward(0, start.state, a, start.mean_field)
        assert np.array_equal(env.step(a).reward, expected)


def test_scalar_functions_are_made_once_and_leave_the_original_alone():
    method = RingRoad.reward
    before = dict(method.__globals__)
    twin = compiled.scalar(method)
    assert compiled.scalar(method) is twin
    assert dict(method.__globals__) == before
    assert twin.__globals__["np"] is not np
    assert np is method.__globals__["np"]


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("numba", "torch", "jax", "stable_baselines3", "matplotlib", "pygame", "scipy")
    script = f"""
    import sys
    import mfg_envs
    mfg_envs.make_game("ring_road")
    print([name for name in {heavy!r} if name in sys.modules])
    """
    assert run(script, PYTHONWARNINGS="default").strip() == "[]"


def test_numpy_alone_never_loads_numba():
    script = PLAY + "\nimport sys\nprint('numba' in sys.modules)"
    assert run(script, MFG_ENVS_BACKEND="numpy").splitlines()[-1] == "False"
