"""What players of a set of models gain: games written out over all players, and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from toys import Bids, Drift, Places

from mfg_envs import BatchEnv, PopulationEnv, exact, make_game, policies
from mfg_envs.metrics import deviating_player, nash_gap, team_gap
from mfg_envs.metrics.gap_of_models import largest
from mfg_envs.numerics import random
from mfg_envs.players.policy import Policy
from mfg_envs.simulate.acting import Draws, Table

SIGMAS = 4.5
"""A right estimate is further off once in 150 000 times."""


@pytest.fixture(autouse=True)
def _numpy(use):
    use("numpy")


def value_of_the_first(game, first, second):
    """Return what the first of two players earns by tables (T, S, A), by enumeration."""
    S, A = game.num_states, game.num_actions
    law, total = np.outer(game.initial_law, game.initial_law), 0.0
    for t in range(game.horizon):
        after = np.zeros((S, S))
        for x, y, a, b in itertools.product(range(S), range(S), range(A), range(A)):
            chance = law[x, y] * first[t, x, a] * second[t, y, b]
            states, actions = np.array([x, y]), np.array([a, b])
            controls = game.mean_field_of_controls
            m = game.mean_field(states, actions) if controls else game.mean_field(states)
            total += game.discount**t * chance * game.reward(t, states, actions, m)[0]
            for v, w in itertools.product(range(2), range(2)):
                moved = np.asarray(game.step(t, states, actions, m, np.array([v, w])))
                odds = [np.asarray(p)[0] for p in game.noise_law(t, states, actions, m)]
                after[moved[0], moved[1]] += chance * odds[v] * odds[w]
        law = after
    return total


def every_answer(game):
    """Yield all pure tables (T, S, A)."""
    shape = (game.horizon, game.num_states)
    for actions in itertools.product(range(game.num_actions), repeat=int(np.prod(shape))):
        yield np.eye(game.num_actions)[np.reshape(actions, shape)]


@pytest.mark.parametrize("game", [Places(), Places(luck=1.0, first=0.5), Bids(horizon=2)])
def test_two_players_with_a_policy_each_are_those_of_the_enumeration(game, random_policy):
    tables = random_policy(game, 1), random_policy(game, 2)
    found = team_gap(
        game, dict(zip(("player_0", "player_1"), tables, strict=True)),
        num_agents=2, num_episodes=4000,
    )  # fmt: skip
    best = []
    for name, own, other in (("player_0", *tables), ("player_1", *reversed(tables))):
        value = value_of_the_first(game, own, other)
        best.append(max(value_of_the_first(game, a, other) for a in every_answer(game)) - value)
        one = found.players[name]
        assert abs(one.value - value) < SIGMAS * one.value_error
        assert abs(one.gain - best[-1]) < SIGMAS * one.error + 1e-12
        played = value_of_the_first(game, one.deviation, other)
        assert played - value == pytest.approx(best[-1], abs=1e-9)  # it is the best answer
    assert abs(found.gap - max(best)) < SIGMAS * found.error + 1e-12
    assert abs(found.mean - np.mean(best)) < SIGMAS * found.mean_error + 1e-12


def test_a_gain_worked_by_hand():
    # Both begin in place 0 and the luck is certain. Player 1 stays for ever: together they pay
    # 1 a step, whoever is alone pays 1/2. Leaving at once costs the fare 1/4 now, and saves half
    # of 1/2 at the second of two decisions, discounted by 1/2: 1/4 of gain less 1/4 of fare = 0.
    # With a fare of 1/10 player 0 gains 1/4 - 1/10.
    game = Places(luck=1.0, fare=0.1)
    stay = np.tile(np.eye(2), (2, 1, 1))
    found = team_gap(game, {"player": stay, "player_1": 1.0 * stay}, num_agents=2, num_episodes=8)
    for one in found.players.values():
        assert one[:4] == (pytest.approx(0.25 - 0.1), 0, -1.5, 0)
        np.testing.assert_array_equal(one.deviation[0, 0], [0, 1])
    assert (found.gap, found.error) == (pytest.approx(0.15), 0)
    dear = team_gap(Places(luck=1.0, fare=0.3), stay, num_agents=2, num_episodes=8)
    assert (dear.gap, dear.error) == (0, 0)  # who is best off staying keeps its policy


@pytest.mark.parametrize("num_agents", [2, 12])
def test_players_of_one_policy_gain_what_one_of_n_does(num_agents, finite_game, random_policy):
    policy = random_policy(finite_game)
    one = team_gap(finite_game, policy, num_agents=num_agents)
    two = nash_gap(finite_game, policy, num_agents, sees="state", seed=5000)
    assert abs(one.gap - two.gap) < SIGMAS * np.hypot(one.error, two.error) + 1e-9
    value = next(iter(one.players.values()))
    assert abs(value.value - two.value) < SIGMAS * np.hypot(value.value_error, two.value_error)
    assert value.sharing == num_agents


def test_players_in_equilibrium_gain_what_one_of_n_does():
    game = make_game("left_right")
    policy = np.tile([2 / 3, 1 / 3], (2, 3, 1))
    found = team_gap(game, policy, num_agents=20, num_episodes=4000)
    assert abs(found.gap - 1 / 3 / 20) < SIGMAS * found.error  # in closed form, see nash_gap
    assert found.error < 0.01


def test_a_stationary_game_is_cut_off(toys, random_policy):
    game = toys.Market(horizon=None)
    policy = random_policy(game)
    short, long = (
        team_gap(game, policy, num_agents=3, num_steps=n, num_episodes=50) for n in (None, 200)
    )
    (one,), (two,) = short.players.values(), long.players.values()
    assert one.value == pytest.approx(two.value, abs=0.01 * abs(two.value))
    assert one.gain == pytest.approx(two.gain, abs=SIGMAS * one.error)
    assert len(one.deviation) == np.ceil(np.log(1e-3) / np.log(game.discount))


def test_the_number_of_players_weighs_in_the_mean(random_policy):
    game = Places(horizon=3)
    env = PopulationEnv(game, 5)
    one, two = random_policy(game, 1), random_policy(game, 2)
    found = team_gap(env, {"player": one, "player_3": two}, num_episodes=20)
    assert list(found.players) == ["player_0", "player_3"]
    assert [p.sharing for p in found.players.values()] == [4, 1]
    gains = [p.gain for p in found.players.values()]
    assert found.mean == pytest.approx(0.8 * gains[0] + 0.2 * gains[1])
    some = team_gap(env, {"player": one, "player_3": two}, num_episodes=20, players=["player_3"])
    assert some.players["player_3"][:4] == found.players["player_3"][:4]
    assert some.mean == pytest.approx(some.gap)
    drawn = team_gap(env, one, num_episodes=4, players=3)
    assert len(drawn.players) == 3
    assert set(drawn.players) <= set(env.possible_agents)


def test_the_largest_of_many_gains_is_not_that_of_the_luckiest():
    noise = np.random.default_rng(0).normal(size=(200, 400))
    gap, error = largest(noise)
    assert noise.mean(1).max() > SIGMAS * error / 2
    assert abs(gap) < SIGMAS * error
    assert largest(noise + np.eye(200)[:, :1] * 3)[0] == pytest.approx(3, abs=SIGMAS * error)


class Alternating(Policy):
    """Goes where fewer are."""

    def act(self, t, x, draws, m=None):
        return np.broadcast_to(m.argmin(-1)[:, None], x.shape)


def test_others_who_see_the_crowd_are_answered_by_it():
    game = Places(luck=1.0, fare=0.0, horizon=3, discount=1.0)
    stay = np.tile(np.eye(2), (3, 1, 1))
    # The other goes to the emptier place: both begin in 0 and pay 1, it is in 1 at the second
    # decision (1/2 each), back in 0 at the third (1). Who goes to 1 then pays 1/2 once more.
    found = team_gap(
        game, {"player_0": stay, "player_1": Alternating()}, num_agents=2, num_episodes=4
    )
    assert found.players["player_0"].value == -1 - 0.5 - 1
    assert found.players["player_0"].gain == 0.5


class Push(Drift):
    """Who pushes by a half pays nothing; all pay for being far from each other's mean."""

    def reward(self, t, x, a, m):
        return -((a[0] - 0.5) ** 2) - (x[0] - m[0]) ** 2


def test_a_given_response_in_a_continuous_game_gains_exactly_what_it_saves():
    game, seats = Push(), []

    def half(seat):
        seats.append(seat)
        return lambda t, x: np.full_like(x, 0.5)

    idle, some = (lambda t, x: 0 * x), (lambda t, x: 0 * x + 0.25)
    found = team_gap(
        game, {"player": idle, "player_2": some}, num_agents=3, response=half, num_episodes=10
    )
    assert found.players["player_0"].gain == pytest.approx(3 * 0.25)
    assert found.players["player_2"].gain == pytest.approx(3 * 0.0625)
    assert found.players["player_0"].error == pytest.approx(0, abs=1e-12)
    assert found.gap == pytest.approx(0.75)
    where = [(seat.name, seat.player, seat.num_agents) for seat in seats]
    assert where == [("player_0", 0, 3), ("player_2", 2, 3)]
    assert (seats[0].model, seats[1].model) == (idle, some)
    assert seats[0].seed != seats[1].seed


def test_a_gap_is_the_same_for_every_split_and_back_end(use, monkeypatch, random_policy):
    pytest.importorskip("numba")
    game = Bids()
    models = {f"player_{i}": random_policy(game, i) for i in range(3)}
    found = []
    for backend, together in (("numpy", 1 << 28), ("numpy", 1), ("numba", 1 << 28)):
        use(backend)
        monkeypatch.setattr(deviating_player, "TOGETHER", together)
        gap = team_gap(game, models, num_agents=3, num_episodes=6)
        found.append([gap.gap, gap.mean, *(v for p in gap.players.values() for v in p[:4])])
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert found[0] == pytest.approx(found[2], rel=1e-12)


def test_players_play_as_in_the_environment():
    game = make_game("crowd_modelling")
    policy = policies.uniform(game)
    env = BatchEnv(game, 8, 4, seed=3)
    env.reset()
    earned = 0
    for t in range(game.horizon):
        a = np.stack([draw(env, i, policy) for i in range(4)], 1)
        earned = earned + game.discount**t * env.step(a).reward
    models = {f"walker_{i}": policy.copy() for i in range(4)}
    found = team_gap(game, models, num_agents=4, num_episodes=8, seed=3)
    values = [p.value for p in found.players.values()]
    np.testing.assert_allclose(values, earned.mean(0), rtol=1e-12)


def draw(env, i, policy):
    """Return what player i of every population does: draws of stream 3, number i."""
    draws = Draws(random.subkey(env.keys, 3, i), env.t)
    return Table(env.game, policy).act(env.t, env.state[:, [i]], draws)[:, 0]


class Shown:
    """A model that keeps what it is shown, and does nothing."""

    def predict(self, rows, deterministic=True):
        self.rows = rows
        return np.zeros(len(rows), int), None


def test_a_model_sees_what_the_environment_shows_or_what_is_said():
    env, model = PopulationEnv(Places(), 2, observe=("state", "time")), Shown()
    for given, width in ((None, 2), (("mean_field",), 2), (("mean_field", "time"), 3)):
        team_gap(env, model, num_episodes=4, observe=given)
        assert model.rows.shape == (8, width)
    assert model.rows[:, 2].tolist() == [0.5] * 8  # the time is the last part


def test_the_table_can_be_read(random_policy):
    game = Places()
    found = team_gap(game, random_policy(game), num_agents=3, num_episodes=8)
    first, head, row = str(found).splitlines()
    assert first.startswith(f"largest gain {found.gap:.4g} +- ")
    assert head.split() == ["player", "gains", "by", "leaving", "earns", "by", "staying"]
    assert row.startswith("player_0")
    assert f"{found.players['player_0'].gain:.4g}" in row
    low, high = found.interval
    assert low < found.gap < high


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"num_agents": None}, ValueError, "num_agents must be given with a game"),
        ({"num_agents": 0}, ValueError, "num_agents must be at least 1, got 0"),
        ({"num_episodes": 3}, ValueError, "num_episodes must be at least 4, got 3"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"num_steps": 3}, ValueError, "num_steps is for stationary games, the horizon is 2"),
        ({"players": 4}, ValueError, "players must be in .*4"),
        ({"players": ["x"]}, ValueError, "players must be some of 'player_0' .. 'player_2'"),
        ({"players": []}, ValueError, "players must be some of"),
        ({"models": {"player_0": 1}}, ValueError, "no model for 'player_1'"),
        ({"models": {"cat": 1, "player": 1}}, ValueError, "no player is called 'cat'"),
        ({"models": np.ones((3, 3))}, ValueError, "policy must have shape"),
        ({"env": make_game("dispatcher")}, TypeError, "see agents.optimality_gap"),
        ({"env": "sis"}, TypeError, "team_gap needs a PopulationEnv"),
        ({"env": PopulationEnv(Places(), 2)}, ValueError, "must be that of env, 2, got 3"),
        (
            {"env": PopulationEnv(Places(), 3, mode="mean_field")},
            ValueError,
            "exact.exploitability",
        ),
        (
            {"env": make_game("linear_quadratic"), "models": lambda t, x: x},
            ValueError,
            "give a response, such as agents.LearnedDeviation",
        ),
    ],
)
def test_an_invalid_argument_is_named(change, error, message):
    game = Places()
    given = {"env": game, "models": policies.uniform(game), "num_agents": 3, **change}
    with pytest.raises(error, match=message):
        team_gap(**given)


def test_the_limit_is_the_exploitability(random_policy):
    game = Places(horizon=4)
    policy = random_policy(game)
    found = team_gap(game, policy, num_agents=3000, num_episodes=40)
    wanted = exact.exploitability(game, policy)
    assert abs(found.mean - wanted) < SIGMAS * found.mean_error + 5 / np.sqrt(3000)
