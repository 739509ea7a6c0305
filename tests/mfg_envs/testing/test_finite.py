"""``check_game`` accepts games that keep the contract and names every fault planted in one."""

from __future__ import annotations

import pytest
from faulty_walks import FAULTS
from faulty_walks.facts import Overflows, ReadsRange
from toys import Walk

from mfg_envs import BatchEnv, check_game, exact
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.testing import ContractError, finite


@pytest.mark.parametrize("horizon", [None, 12])
@pytest.mark.parametrize("dynamics", ["cell", "position"])
@pytest.mark.parametrize("reward", ["min", "additive"])
def test_ring_road_keeps_the_contract(reward, dynamics, horizon):
    sizes = {"num_cells": 20, "num_speeds": 8}
    check_game(RingRoad.make(reward=reward, dynamics=dynamics, horizon=horizon, **sizes))


@pytest.mark.parametrize("back_end", ["numba", "numpy"])
def test_every_toy_keeps_the_contract(any_game, back_end, use):
    if back_end == "numba":
        pytest.importorskip("numba")
    use(back_end)
    for seed in range(3):
        check_game(any_game, seed)


@pytest.mark.parametrize("horizon", [None, 1, 40])
def test_every_horizon_will_do(horizon):
    check_game(Walk(horizon=horizon))


def test_large_games_are_sampled(monkeypatch):
    monkeypatch.setattr("mfg_envs.testing.subject.MOST_PAIRS", 7)
    check_game(Walk())


@pytest.mark.parametrize(
    ("game", "sentence"), FAULTS, ids=[type(game).__name__ for game, _ in FAULTS]
)
def test_a_fault_of_a_game_is_named(game, sentence):
    with pytest.raises(ContractError, match=f"^{sentence}"):
        check_game(game)


@pytest.mark.parametrize(
    ("game", "sentence"),
    [
        (Overflows(), r"step\(t=0, x=3, a=0\) compiled by numba is not what NumPy gives"),
        (ReadsRange(), "ReadsRange reads self.prices"),
    ],
    ids=["Overflows", "ReadsRange"],
)
def test_a_fault_of_compiled_methods_is_named(game, sentence, use):
    pytest.importorskip("numba")
    use("numba")
    with pytest.raises(ContractError, match=f"^{sentence}"):
        check_game(game)


def test_a_local_class_cannot_be_pickled():
    class Local(Walk):
        pass

    with pytest.raises(ContractError, match=r"^Local cannot be pickled .* top of a module"):
        check_game(Local())


def test_mass_and_value_are_compared_with_the_exact_ones(monkeypatch, toys):
    push = exact.push_forward
    with monkeypatch.context() as patch:
        patch.setattr(exact, "push_forward", lambda *args: 0.9 * push(*args))
        with pytest.raises(ContractError, match=r"^exact.push_forward at t = 0 sums to 0.9"):
            check_game(Walk())
    with monkeypatch.context() as patch:
        patch.setattr(exact, "value", lambda *args: 7.0)
        with pytest.raises(ContractError, match=r"^exact.value is 7.0, its flow summed forward"):
            check_game(Walk())

    class Generous(BatchEnv):
        def rollout(self, policy, num_steps):
            played = super().rollout(policy, num_steps)
            return played._replace(reward=played.reward + 0.02)

    monkeypatch.setattr(finite, "BatchEnv", Generous)
    for game in (Walk(), Walk(horizon=None), toys.Market()):
        with pytest.raises(ContractError, match=r"^players of an infinite population earn"):
            check_game(game)
