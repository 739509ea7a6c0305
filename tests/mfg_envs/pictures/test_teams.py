"""Teams are drawn, and shown in a window."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from mfg_envs import TEAM_GAMES


@pytest.mark.parametrize("name", TEAM_GAMES)
@pytest.mark.parametrize("num_locals", [2, 10_000])
def test_every_team_is_drawn(name, num_locals):
    make = importlib.import_module(f"mfg_envs.{name}_v0").parallel_env
    pictures = []
    for _ in range(2):
        env = make(num_locals=num_locals, render_mode="rgb_array")
        with pytest.raises(RuntimeError, match="reset"):
            env.render()
        env.reset(seed=0)
        waiting = env.render()
        env.step(dict.fromkeys(env.agents, 0))
        pictures.append(env.render())
        assert waiting.shape == pictures[-1].shape == (720, 720, 3)
        assert waiting.dtype == np.uint8
        assert not np.array_equal(waiting, pictures[-1])
    assert np.array_equal(*pictures)
    with pytest.raises(ValueError, match="render_mode"):
        make(num_locals=2).render()


def test_a_team_is_shown_in_a_window(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = importlib.import_module("mfg_envs.dispatcher_v0").parallel_env(render_mode="human")
    env.reset(seed=0)
    env.step(dict.fromkeys(env.agents, 0))
    assert env.render() is None
    assert env.window is not None
    env.close()
    env.close()
    assert env.window is None
