"""Tables of team games hold what the rules say, and name what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest
from toys import FaultyTeam

from mfg_envs import TEAM_GAMES, make_game
from mfg_envs.exact import team_tables


@pytest.mark.parametrize("name", TEAM_GAMES)
def test_tables_hold_what_the_rules_say(name):
    game = make_game(name)
    tables = team_tables.tables(game)
    S_g, S = game.num_global_states, game.num_local_states
    A_g, A = game.num_global_actions, game.num_local_actions
    assert game.initial_global_law == pytest.approx(np.full(S_g, 1 / S_g))
    assert game.initial_local_law == pytest.approx(np.full(S, 1 / S))
    assert (tables.global_moves is None) == game.global_follows == (name == "gaussian_squeeze")
    assert (tables.global_reward is None) == game.reward_reads_crowd == (name == "one_shot_squeeze")
    assert tables.local_law.shape == (S, S_g, A, S)
    assert tables.local_law.sum(-1) == pytest.approx(np.ones((S, S_g, A)))
    if tables.global_law is not None:
        assert tables.global_law.shape == (S_g, A_g, S_g)
        assert tables.global_law.sum(-1) == pytest.approx(np.ones((S_g, A_g)))
    rng = np.random.default_rng(0)
    for _ in range(50):  # one by one, as plain numbers
        x_g, a_g, x, a = (int(rng.integers(size)) for size in (S_g, A_g, S, A))
        assert tables.local_reward[x, x_g, a] == game.reward_local(x, x_g, a)
        if tables.global_reward is not None:
            assert tables.global_reward[x_g, a_g] == game.reward_global(x_g, a_g, None)
        law = np.zeros(S)
        for w, p in enumerate(game.noise_law_local(x, x_g, a)):
            law[int(game.step_local(x, x_g, a, w))] += p
        assert tables.local_law[x, x_g, a] == pytest.approx(law, abs=1e-15)
    assert tables is team_tables.tables(game)
    with pytest.raises(ValueError, match="read-only"):
        tables.local_reward[0] = 0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("law", r"noise_law_local\[x=0\]\[g=0\]\[a=0\] must be .* sum 1.1"),
        (
            "step",
            r"step_local\(x=2, x_g=0, a=0, w=1\) leads to 3, which is not a state in \[0, 3\)",
        ),
        ("local", r"reward_local\(x=2, x_g=0, a=1\) is nan, not a finite number"),
    ],
)
def test_tables_name_what_is_wrong(fault, message):
    assert team_tables.tables(FaultyTeam()).global_law.tolist() == [
        [[1, 0]],
        [[0, 1]],
    ]  # stays by default
    with pytest.raises(ValueError, match=message):
        team_tables.tables(FaultyTeam(fault=fault))


def test_tables_that_would_be_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(team_tables, "TABLE_LIMIT", 11)
    with pytest.raises(ValueError, match=r"S \* S_g \* A <= 11 rows, got 3 \* 2 \* 2: choose"):
        team_tables.tables(FaultyTeam(discount=0.25))
