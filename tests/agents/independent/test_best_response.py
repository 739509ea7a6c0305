import numpy as np
import pytest
from stable_baselines3 import DQN, PPO, SAC

from agents.independent.best_response import MostProbable, learned_response
from mfg_envs import exact, make_game, policies
from mfg_envs.environments.population import PopulationEnv
from mfg_envs.players.observers import Observer
from mfg_envs.simulate.batch import BatchEnv
from wrappers import SharedPolicyVecEnv, as_arrays


class Oracle:
    """A model that knows the best response, and finds its state in what it observes."""

    def __init__(self, game, crowd, policy):
        self.game, self.crowd, self.policy = game, crowd, policy

    def predict(self, seen, deterministic=True):
        x = np.arange(self.game.num_states)
        rules = self.policy if self.policy.ndim == 3 else self.policy[None]
        flow = self.crowd if self.policy.ndim == 3 else self.crowd[None]
        observer = Observer(self.game)
        answers = np.full(len(seen), -1)
        for t, rule in enumerate(rules):
            known = observer(x[None], t, flow[t][None])[0]
            same = (seen[:, None] == known).all(-1)
            answers = np.where(same.any(1), rule.argmax(-1)[same.argmax(1)], answers)
        assert (answers >= 0).all()
        return answers, None


def tabulate(game, mean_fields, model, observe=None):
    """Return the most probable actions of a model that meets given mean fields."""
    return policies.tabulate(MostProbable(game, model, observe), game, mean_fields=mean_fields)


@pytest.mark.parametrize(
    "game",
    [
        make_game("crowd_modelling"),
        make_game("sis", horizon=7),
        make_game("lasry_lions_chain"),
        make_game("four_rooms_grid", horizon=6),
    ],
    ids=lambda game: game.name,
)
def test_a_model_that_knows_gains_the_exploitability(game, use):
    use("numpy")
    policy = policies.uniform(game)
    met = exact.law_met(game, policy)
    best = exact.best_response(game, met)
    table = tabulate(game, game.crowd(met), Oracle(game, game.crowd(met), best))
    gain = exact.value(game, met, table) - exact.value(game, met, policy)
    assert gain == pytest.approx(exact.exploitability(game, policy), rel=1e-12)


def test_an_illegal_choice_becomes_any_legal_one(toys):
    game = toys.Corridor()

    class Backwards:
        def predict(self, seen, deterministic=True):
            return np.zeros(len(seen), int), None

    table = tabulate(game, exact.flow(game, policies.uniform(game)), Backwards())
    np.testing.assert_array_equal(table[0, 0], [0, 0.5, 0.5])
    np.testing.assert_array_equal(table[3, 1], [1, 0, 0])


@pytest.mark.parametrize(
    ("game", "algorithm", "settings"),
    [
        (make_game("crowd_modelling"), PPO, {"n_steps": 32, "batch_size": 256}),
        (
            make_game("contraction_game"),
            DQN,
            {"learning_starts": 64, "gradient_steps": 8, "learning_rate": 1e-2},
        ),
    ],
    ids=["ppo", "dqn"],
)
def test_a_learned_response_is_a_lower_bound(game, algorithm, settings):
    policy = policies.uniform(game)

    def learn():
        return learned_response(
            game,
            policy,
            lambda env: algorithm("MlpPolicy", env, device="cpu", gamma=0.9, **settings),
            1024,
            max_cycles=20,
            seed=1,
        )

    one, two = learn(), learn()
    np.testing.assert_array_equal(one.response, two.response)  # the seed decides
    assert one.gain == two.gain
    assert one.error == 0
    # Nobody gains more than the best response, and some learning beats drawing lots.
    assert 0 < one.gain <= exact.exploitability(game, policy) * (1 + 1e-12)


def test_a_continuous_game_has_an_interval():
    game = make_game("linear_quadratic")
    learned = learned_response(
        game,
        lambda t, x: np.zeros_like(x),
        lambda env: SAC("MlpPolicy", env, device="cpu", gamma=1.0, learning_starts=200),
        640,
        evaluation_players=2000,
        num_players=8,
    )
    again = learned.response(3, np.zeros((1, 2, 1)))
    assert again.shape == (1, 2, 1)
    assert np.abs(again).max() <= 0.1
    assert learned.error > 0


def test_one_policy_is_worth_the_same_in_all_three_views():
    game = make_game("ring_road", horizon=20, num_cells=20)
    parts = ("state", "time")  # no crowd: the policy is a table, exactly
    players, groups = 400, 50
    env = PopulationEnv(game, 32, observe=parts)
    model = PPO(
        "MlpPolicy", SharedPolicyVecEnv(env), n_steps=40, batch_size=320, seed=0, device="cpu"
    ).learn(2560)
    table = tabulate(game, np.zeros((20, 20)), model, observe=parts)
    flow = exact.flow(game, table)
    wanted = exact.value(game, flow, table)

    def played(env, copies):
        arrays = as_arrays(env, copies)
        seen, total = arrays.reset(5), np.zeros(arrays.num_rows)
        for t in range(20):
            rows = arrays.step(model.predict(seen, deterministic=True)[0])
            seen, total = rows.observation, total + game.discount**t * rows.reward
        return total.reshape(copies, -1).mean(1)

    infinite = PopulationEnv(game, players, mode="mean_field", observe=parts)
    infinite.set_population_policy(table)
    values = played(infinite, groups)
    error = values.std(ddof=1) / np.sqrt(groups)
    assert abs(values.mean() - wanted) < 4 * error

    # N players meet their own histogram: what they earn differs by the curvature of the reward in
    # m times its variance, at most 1/N; twice as many players halve it.
    finite = played(PopulationEnv(game, players, observe=parts), groups)
    twice = played(PopulationEnv(game, 2 * players, observe=parts), groups)
    error = np.sqrt(finite.var(ddof=1) + 4 * twice.var(ddof=1)) / np.sqrt(groups)
    extrapolated = 2 * twice.mean() - finite.mean()
    assert abs(extrapolated - wanted) < 4 * error
    batch = BatchEnv(game, groups, players, seed=5)
    batch.reset()
    compiled = game.discount ** np.arange(20) @ batch.rollout(table, 20).reward
    np.testing.assert_allclose(compiled, finite, rtol=1e-6)  # the same players, step by step
