"""The front page of the metrics: every name is there, and plugs into a run."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest

from agents import FixedPointIteration, run
from mfg_envs import exact, make_game, metrics, policies


def test_every_name_is_there_and_on_the_front_page():
    import mfg_envs

    assert mfg_envs.metrics is metrics
    assert metrics.__all__ == sorted(metrics.__all__)
    for name in metrics.__all__:
        assert getattr(metrics, name).__doc__
        if not isinstance(getattr(metrics, name), type):
            assert name in metrics.__doc__
    for module in ("regularised", "distances", "social_optimum", "approximation"):
        functions = vars(importlib.import_module(f"mfg_envs.metrics.{module}"))
        own = {
            name for name, value in functions.items()
            if getattr(value, "__module__", "") == f"mfg_envs.metrics.{module}"
            and callable(value) and name[0].islower() and name[0] != "_"
        }  # fmt: skip
        assert own <= set(metrics.__all__)


def test_metrics_load_no_compiler_and_no_network():
    heavy = ("numba", "torch", "jax", "matplotlib", "stable_baselines3", "scipy")
    script = f"import sys, mfg_envs.metrics; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("horizon", [None, 6])
def test_a_run_takes_metrics_as_functions_of_game_and_iterate(horizon):
    game = make_game("lasry_lions_chain", horizon=horizon)
    even = game.crowd(exact.law_met(game, policies.uniform(game)))
    asked = {
        "soft": lambda game, i: metrics.regularised_exploitability(game, i.policy, 0.1),
        "W1": lambda game, i: metrics.flow_distance(game, i.mean_field, even).max(),
        "TV": lambda game, i: metrics.flow_distance(
            game, i.mean_field, even, kind="total_variation"
        ).mean(),
        "welfare": lambda game, i: metrics.welfare(game, i.policy),
    }
    result = run(FixedPointIteration(iterations=3, step=0.5), game, metrics=asked, progress=False)
    last = result.last
    assert {name: row.shape for name, row in result.metrics.items()} == dict.fromkeys(asked, (3,))
    assert result.metrics["soft"][-1] == metrics.regularised_exploitability(game, last.policy, 0.1)
    cells = np.arange(7)
    distances = metrics.wasserstein_line(last.mean_field, even, cells / 6)
    assert result.metrics["W1"][-1] == pytest.approx(np.max(distances), rel=1e-12)
    assert result.metrics["TV"][-1] <= 1
