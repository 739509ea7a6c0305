"""Back ends come and go: numba or NumPy, the same numbers, and a warning where one is missing."""

from __future__ import annotations

import sys

import pytest
from scripts import run

from mfg_envs import BatchEnv, exact, policies
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.numerics import compiler

pytest.importorskip("numba")


PLAY = """
import numpy as np
from mfg_envs import BatchEnv, exact, make_game, policies
from mfg_envs.numerics.compiler import backend

print(backend())
game = make_game("ring_road", num_cells=6, num_speeds=4, horizon=5)
policy = policies.uniform(game)
env = BatchEnv(game, 2, 50, 3)
env.reset()
rollout = env.rollout(policy, 5)
print(env.state.tolist(), rollout.mean_field.tolist())
print(rollout.reward.round(14).tolist(), round(exact.exploitability(game, policy), 12))
"""


REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numba", "llvmlite"):
            raise {}("Numba needs another NumPy", name=name)

sys.meta_path.insert(0, Refuse())
"""


def test_without_numba_numpy_gives_the_same_numbers():
    with_numba = run("-c", PLAY, MFG_ENVS_BACKEND="").splitlines()
    without = run(
        "-c", REFUSE.format("ModuleNotFoundError") + PLAY, MFG_ENVS_BACKEND=""
    ).splitlines()
    assert [with_numba[0], without[0]] == ["numba", "numpy"]
    assert without[1:] == with_numba[1:]


def test_a_numba_that_does_not_fit_is_one_warning_and_numpy():
    script = (
        REFUSE.format("ImportError")
        + """
import warnings
from mfg_envs.numerics.compiler import backend

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(backend(), backend(), *[w.message for w in caught])
"""
    )
    told = run("-c", script, MFG_ENVS_BACKEND="").strip()
    reason = "numba cannot be imported, NumPy does its work, slowly: Numba needs another NumPy"
    assert told == f"numpy numpy {reason}"


def test_the_back_end_is_what_the_environment_says(use, monkeypatch):
    for name in ("numpy", "numba"):
        use(name)
        assert compiler.backend() == name
    use("")
    assert compiler.backend() == "numba"
    monkeypatch.delenv("MFG_ENVS_BACKEND")
    assert compiler.backend() == "numba"


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
    compiler._has_numba.cache_clear()
    with pytest.raises(ValueError, match=r"'numba', which is missing: pip install numba"):
        compiler.backend()
    compiler._has_numba.cache_clear()


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("numba", "torch", "jax", "stable_baselines3", "matplotlib", "pygame", "scipy")
    script = f"""
import sys
import mfg_envs
mfg_envs.make_game("ring_road")
print([name for name in {heavy!r} if name in sys.modules])
"""
    assert run("-c", script).strip() == "[]"


def test_numpy_alone_never_loads_numba():
    script = PLAY + "\nimport sys\nprint('numba' in sys.modules)"
    assert run("-c", script, MFG_ENVS_BACKEND="numpy").splitlines()[-1] == "False"
