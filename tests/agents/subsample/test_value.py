"""What teams are worth: equations against enumeration and episodes, and known values."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product

import numpy as np
import pytest

from agents import SubsampledPolicy, SubsampleMFQ, exact_team_value, run, team_value
from agents.subsample import multisets
from agents.subsample import value as subsample_value
from agents.subsample.value import initial_value
from mfg_envs import make_game
from mfg_envs.exact import team_tables
from mfg_envs.games.teams.dispatcher import Dispatcher

STEERED = Dispatcher(num_zones=3, steered=True, discount=0.8)
GAMES = {
    "dispatcher": Dispatcher(num_zones=4, discount=0.9),
    "steered": STEERED,
    "squeeze": make_game("gaussian_squeeze", num_levels=3),
    "leader": make_game("follow_the_leader"),
}


def rows_of(game, k, sweeps=300):
    *_, iterate = SubsampleMFQ(k=k, iterations=sweeps).learn(game)
    return iterate


def by_enumeration(game, rows, n):
    """Value of fresh sampling, over tuples and all subsets: {(x_g, x): value}."""
    k, S = rows.shape[-1] - 1, game.num_local_states
    tables = team_tables.tables(game)

    def row(x_g, x, group):
        return rows[x_g, int(multisets.rank(np.sort([x[j] for j in group]), S))]

    states = list(product(range(game.num_global_states), product(range(S), repeat=n)))
    place = {state: i for i, state in enumerate(states)}
    moves, r = np.zeros((len(states),) * 2), np.zeros(len(states))
    for (x_g, x), i in place.items():
        groups = list(combinations(range(n), k))
        a_g = Counter(int(row(x_g, x, group)[0]) for group in groups)
        after = [np.zeros(S) for _ in x]
        for j in range(n):
            others = list(combinations([h for h in range(n) if h != j], k - 1))
            for group in others:
                ordered = sorted([j, *group], key=lambda h: (x[h], h))
                a = row(x_g, x, ordered)[1 + ordered.index(j)]
                after[j] += tables.local_law[x[j], x_g, a] / len(others)
                r[i] += tables.local_reward[x[j], x_g, a] / len(others) / n
        for a, count in a_g.items():
            r[i] += count / len(groups) * tables.global_reward[x_g, a]
            for y_g, y in states:
                if game.global_follows:
                    shares = game.mean_field(np.array([y]))
                    chance = float(y_g == game.global_from_locals(shares)[0])
                else:
                    chance = tables.global_law[x_g, a, y_g]
                chance *= count / len(groups)
                moves[i, place[y_g, y]] += chance * np.prod(
                    [p[z] for p, z in zip(after, y, strict=True)]
                )
    v = np.linalg.solve(np.eye(len(states)) - game.discount * moves, r)
    return dict(zip(states, v, strict=True))


@pytest.mark.parametrize(
    ("name", "k", "n"), [("steered", 2, 3), ("steered", 1, 2), ("leader", 2, 2), ("squeeze", 2, 3)]
)
def test_exact_values_are_those_of_all_subsets(name, k, n):
    game = GAMES[name]
    rows = rows_of(game, k, 5).policy.copy()
    rng = np.random.default_rng(0)  # a policy in which locals of one state act differently
    rows[..., 0] = rng.integers(game.num_global_actions, size=rows.shape[:2])
    rows[..., 1:] = rng.integers(game.num_local_actions, size=(*rows.shape[:2], k))
    v = exact_team_value(SubsampledPolicy(game, rows), n)
    for (x_g, x), value in by_enumeration(game, rows, n).items():
        number = int(multisets.rank(np.sort(x), game.num_local_states))
        assert v[x_g, number] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("k", [1, 2, 4])
def test_episodes_have_the_exact_mean(name, k):
    game, n = GAMES[name], 4
    iterate = rows_of(game, k, 50)
    policy = SubsampledPolicy(game, iterate.policy)
    value = team_value(policy, n, num_envs=2000, seed=4)
    wanted = initial_value(game, exact_team_value(policy, n), n)
    assert value.returns.shape == (2000,)
    assert value.error == pytest.approx(value.returns.std() / np.sqrt(2000), rel=1e-3)
    assert value.interval[1] - value.mean == pytest.approx(1.9612 * value.error, rel=1e-4)
    assert abs(value.mean - wanted) < 4 * value.error + 1e-6 * abs(wanted)


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("n", [1, 3])
def test_looking_at_everybody_is_the_full_solution(name, n):
    game = GAMES[name]
    iterate = rows_of(game, n)
    v = exact_team_value(SubsampledPolicy(game, iterate.policy), n)
    scale = np.abs(v).max()  # 300 sweeps leave discount^300 of it out
    assert v == pytest.approx(iterate.memory["value"], abs=scale * (game.discount**300 + 1e-12))


def test_nobody_is_better_than_who_sees_everybody():
    game, n = GAMES["dispatcher"], 4
    values = [
        exact_team_value(SubsampledPolicy(game, rows_of(game, k).policy), n) for k in (1, 2, 4)
    ]
    for value in values[:2]:
        assert (value <= values[2] + 1e-9).all()
        assert value.mean() < values[2].mean() - 1


@pytest.mark.parametrize("k", [1, 2, 5])
def test_followers_need_not_look_at_many(k):
    game, n = make_game("follow_the_leader"), 14
    policy = SubsampledPolicy(game, rows_of(game, k, 200).policy)
    assert 30.68 < initial_value(game, exact_team_value(policy, n), n) < 30.70


def test_initial_values_by_hand():
    game = GAMES["squeeze"]  # loads 1..3, mean rounded up
    v = np.zeros((3, 6))
    v[1, 2] = 9  # loads 1 and 3, mean 2
    v[0, 2] = 100  # cannot be
    assert initial_value(game, v, 2) == pytest.approx(9 * 2 / 9)
    v = np.arange(12.0).reshape(3, 4)
    two = Dispatcher(num_zones=3)
    assert initial_value(two, np.ones((3, 10)), 3) == pytest.approx(1)
    assert initial_value(two, v[:, :3], 1) == pytest.approx(v[:, :3].mean())


def test_episodes_do_not_depend_on_blocks_and_end_with_the_game(monkeypatch):
    game = make_game("one_shot_squeeze", num_efforts=3, crowd=3, target=3.0, width=0.5)
    result = run(SubsampleMFQ(k=3, iterations=1), game, progress=False)
    policy = SubsampledPolicy(game, result.last.policy)
    assert team_value(policy, 3, num_envs=2).returns.tolist() == [3.0, 3.0]
    other = SubsampledPolicy(STEERED, rows_of(STEERED, 2, 5).policy)
    whole = team_value(other, 5, num_envs=9, seed=3, num_steps=10)
    monkeypatch.setattr(subsample_value, "BLOCK", 20)
    parts = team_value(other, 5, num_envs=9, seed=3, num_steps=10)
    assert np.array_equal(whole.returns, parts.returns)
    assert whole.mean == pytest.approx(whole.returns.mean())


def test_values_that_cannot_be_had_are_refused():
    iterate = rows_of(STEERED, 2, 2)
    policy = SubsampledPolicy(STEERED, iterate.policy)
    with pytest.raises(ValueError, match="num_locals must be at least 2, got 1"):
        exact_team_value(policy, 1)
    with pytest.raises(ValueError, match="squared number of states of 3000 locals"):
        exact_team_value(policy, 3000)
    with pytest.raises(ValueError, match="num_envs must be at least 2, got 1"):
        team_value(policy, 3, num_envs=1)
    squeeze = make_game("one_shot_squeeze", num_efforts=2)
    for refused in (
        SubsampledPolicy(STEERED, iterate.policy, "vote"),
        SubsampledPolicy(squeeze, rows_of(squeeze, 1, 1).policy),
    ):
        with pytest.raises(ValueError, match=r"exact values need .*: use team_value"):
            exact_team_value(refused, 3)
