import subprocess
import sys

import pytest

import wrappers

NEEDS = {
    "to_rllib": ("rllib_env", "ray", r'pip install "mfg-envs\[ray\]" torch'),
    "to_benchmarl": ("benchmarl_task", "benchmarl", "pip install benchmarl"),
}


@pytest.mark.parametrize("name", NEEDS)
def test_a_view_whose_library_is_missing_says_what_to_install(name, monkeypatch):
    file, library, remedy = NEEDS[name]
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"wrappers.{file}", raising=False)
    with pytest.raises(ImportError, match=remedy):
        getattr(wrappers, name)


STAR = """
import importlib.util
import sys
from importlib.abc import MetaPathFinder

class Nothing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nothing())
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *of: None if name in {missing!r} else find(name, *of)
from {package} import *
print(*sorted(name for name in dir() if name[0] != "_"))
"""


@pytest.mark.parametrize(
    ("package", "missing", "there", "not_there"),
    [
        ("wrappers", ["benchmarl", "ray"], ["PlayerEnv", "to_torchrl"], ["to_benchmarl"]),
        (
            "wrappers",
            ["benchmarl", "ray", "torchrl", "stable_baselines3", "torch"],
            ["PlayerEnv", "ObserveTime", "to_tuple_gym", "as_arrays"],
            ["SharedPolicyVecEnv", "BatchedBootstrap", "to_torchrl", "to_rllib"],
        ),
        (
            "agents",
            ["stable_baselines3", "torch"],
            ["QMIteration", "Sweep"],
            ["IndependentLearners", "learned_response"],
        ),
    ],
)
def test_import_star_takes_what_there_is(package, missing, there, not_there):
    code = STAR.format(package=package, missing=missing)
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    names = made.stdout.split()
    assert set(there) <= set(names)
    assert not set(not_there) & set(names)
