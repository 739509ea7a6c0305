"""What acts becomes a table: the same one, in the crowd that it makes itself."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import BatchEnv, PopulationEnv, exact, make_game, metrics, policies
from mfg_envs.players.observers import Observer
from mfg_envs.simulate import mixture
from mfg_envs.simulate.acting import Policy
from mfg_envs.simulate.acting.rules import Table
from mfg_envs.simulate.play import play
from wrappers import PlayerEnv, SharedPolicyVecEnv

torch = pytest.importorskip("torch")
sb3 = pytest.importorskip("stable_baselines3")
contrib = pytest.importorskip("sb3_contrib")
policies_of_sb3 = pytest.importorskip("stable_baselines3.common.policies")
vec_env = pytest.importorskip("stable_baselines3.common.vec_env")
from agents import IndependentLearners  # noqa: E402

SIS = make_game("sis", horizon=4)


def untrained(kind=sb3.PPO, game=SIS, observe=None, wrap=lambda venv: venv, **settings):
    """Return a model of random weights that shares what players of an environment see."""
    venv = wrap(SharedPolicyVecEnv(PopulationEnv(game, 4, observe=observe)))
    model = kind("MlpPolicy", venv, seed=5, device="cpu", **settings)
    if hasattr(model.policy, "action_net"):  # far from uniform, as if it had learned
        model.policy.action_net.weight.data *= 100
    return model


def test_every_measure_takes_a_model_as_it_takes_its_table():
    game, model = SIS, untrained()
    table = policies.tabulate(model, game)
    flow = exact.flow(game, table)
    np.testing.assert_array_equal(exact.flow(game, model), flow)
    assert exact.value(game, flow, model) == exact.value(game, flow, table)
    for measure in (
        exact.exploitability,
        metrics.welfare,
        lambda game, policy: metrics.regularised_exploitability(game, policy, 0.1),
        lambda game, policy: metrics.nash_gap(game, policy, 5, num_episodes=10).gap,
    ):
        assert measure(game, model) == measure(game, table)
    env = BatchEnv(game, 1, 3, mode="mean_field")
    env.set_population_policy(model)
    env.reset(0)
    for t in range(3):
        np.testing.assert_allclose(env.mean_field[0], flow[t], rtol=1e-14)
        env.step(np.zeros((1, 3), int))


def test_a_value_against_a_flow_is_that_of_a_model_that_sees_this_flow():
    other = exact.flow(SIS, policies.uniform(SIS))
    model = untrained()
    table = policies.tabulate(model, SIS, mean_fields=other)
    assert np.abs(table - policies.tabulate(model, SIS)).max() > 1e-6
    assert exact.value(SIS, other, model) == exact.value(SIS, other, table)
    q = exact.action_values(SIS, other, model)
    np.testing.assert_array_equal(q, exact.action_values(SIS, other, table))
    with pytest.raises(ValueError, match=r"mean_fields must have shape \(4, 2\), got \(3, 2\)"):
        policies.tabulate(model, SIS, mean_fields=other[:3])


def test_many_players_do_what_the_table_says():
    game, model, N = SIS, untrained(), 200_000
    flow = exact.flow(game, model)
    played = play(game, model, num_agents=N, seed=3)
    far = np.abs(np.asarray(played.mean_field)[:4, 0] - flow).sum(-1)
    assert far.max() < 5 * np.sqrt(1 / N)  # two states: at most sqrt(1 / N) is a deviation


@pytest.mark.parametrize("kind", [sb3.DQN, contrib.QRDQN])
def test_a_model_of_values_does_what_it_finds_best(kind):
    model = untrained(kind)
    table = policies.tabulate(model, SIS)
    assert set(np.unique(table)) == {0, 1}
    seen = Observer(SIS)(np.arange(2)[None], 0, SIS.initial_law[None])[0]
    np.testing.assert_array_equal(table[0].argmax(-1), model.predict(seen, deterministic=True)[0])
    softer = policies.tabulate(model, SIS, epsilon=0.5)
    np.testing.assert_allclose(softer[0], 0.5 * table[0] + 0.1)


def test_a_deterministic_table_has_the_most_probable_actions():
    model = untrained()
    law = policies.tabulate(model, SIS, mean_fields=exact.flow(SIS, policies.uniform(SIS)))
    best = policies.tabulate(
        model, SIS, mean_fields=exact.flow(SIS, policies.uniform(SIS)), deterministic=True
    )
    np.testing.assert_array_equal(best, np.eye(5)[law.argmax(-1)])


def test_masks_normalised_observations_and_what_is_refused():
    class Masked(contrib.MaskablePPO):
        pass

    game = make_game("crowd_modelling")
    masked = untrained(Masked, game)
    assert (policies.tabulate(masked, game)[:, ~game.legal_actions] == 0).all()
    model = untrained(wrap=vec_env.VecNormalize)
    normaliser = model.get_vec_normalize_env()
    normaliser.obs_rms.mean[:], normaliser.obs_rms.var[:] = 0.3, 0.01
    first = Observer(SIS)(np.arange(2)[None], 0, SIS.initial_law[None])[0]
    seen = torch.as_tensor(normaliser.normalize_obs(first))
    law = model.policy.get_distribution(seen).distribution.probs.detach().numpy()
    np.testing.assert_allclose(policies.tabulate(model, SIS)[0], law, atol=1e-6)
    stacked = untrained(wrap=lambda venv: vec_env.VecFrameStack(venv, 2))
    with pytest.raises(ValueError, match="observe="):
        policies.tabulate(stacked, SIS)
    with pytest.raises(TypeError, match=r"one policy, got dict of 1.*metrics\.team_gap"):
        exact.exploitability(SIS, {"person_0": model})
    with pytest.raises(TypeError, match=r"rule must be .* got PPO: policies\.tabulate"):
        exact.push_forward(SIS, 0, SIS.initial_law, model)
    with pytest.raises(TypeError, match=r"policy must be an array \(T, S, A\) .* got \[0.5\]"):
        policies.tabulate([0.5], SIS)


@pytest.mark.parametrize("parts", [("state", "time"), ("time", "mean_field", "state")])
def test_what_a_model_sees_is_read_off_its_own_environment(parts):
    env = PopulationEnv(SIS, 3, observe=parts)
    models = [
        untrained(observe=parts),
        sb3.PPO("MlpPolicy", PlayerEnv(env, "person_0"), seed=5, device="cpu"),
        IndependentLearners(
            env, {"person": lambda env: sb3.PPO("MlpPolicy", env, device="cpu")}, seed=5
        ).models["person_1"],
    ]
    for model in models:
        wanted = policies.tabulate(model, SIS, observe=parts)
        np.testing.assert_array_equal(policies.tabulate(model, SIS), wanted)
    if parts == ("state", "time"):
        with pytest.raises(ValueError, match="give observe=, the parts that it was trained on"):
            policies.tabulate(models[0].policy, SIS)  # which has no environment


def test_functions_and_modules_become_tables():
    def stays_in(t, x):
        return np.where(x == 0, min(t, 1), 3)

    table = policies.tabulate(stays_in, SIS)
    np.testing.assert_array_equal(table.argmax(-1), [[0, 3], [1, 3], [1, 3], [1, 3]])
    assert exact.exploitability(SIS, stays_in) == exact.exploitability(SIS, table)
    generator = np.random.default_rng(0)
    with pytest.raises(ValueError, match="gives other actions when it is asked twice"):
        policies.tabulate(lambda t, x: generator.integers(5, size=x.shape), SIS)
    with pytest.raises(ValueError, match=r"actions must be in 0\.\.4, got 7 at t=0, x=0"):
        policies.tabulate(lambda t, x: np.full(x.shape, 7), SIS)
    module = torch.nn.Linear(1, 5)
    seen = torch.tensor([[0.0], [0.25], [0.5], [0.75]])
    wanted = torch.softmax(module(seen), -1).detach().numpy()
    found = policies.tabulate(module, SIS, observe=("time",))
    with pytest.raises(ValueError, match=r"Linear does not take observations of .* give observe="):
        policies.tabulate(module, SIS)
    np.testing.assert_allclose(found, wanted[:, None].repeat(2, 1), atol=1e-7)


@pytest.mark.parametrize("stationary", [False, True])
def test_a_mixture_makes_the_flow_of_its_parts(stationary, random_policy):
    """Players who keep what they drew: the crowd is the weighted sum of the parts' own laws."""
    game = make_game("no_interaction_chain") if stationary else make_game("beach_bar_grid")
    one, two = random_policy(game), policies.greedy(random_policy(game), game.legal_actions)
    mixed = mixture(game, [one, two], np.array([0.3, 0.7]))
    table = policies.tabulate(mixed, game)
    parts = [exact.law_met(game, part) for part in (one, two)]
    if not stationary:  # moves here do not depend on the crowd
        np.testing.assert_allclose(
            exact.law_met(game, table), 0.3 * parts[0] + 0.7 * parts[1], atol=1e-12
        )
    else:
        np.testing.assert_allclose(
            exact.law_met(game, table), 0.3 * parts[0] + 0.7 * parts[1], atol=1e-6
        )
    here = np.array([0.3, 0.7])[:, None] * np.stack([part[0] for part in parts])
    if not stationary:
        wanted = (here[..., None] * np.stack([one[0], two[0]])).sum(0) / here.sum(0)[:, None]
        np.testing.assert_allclose(table[0], wanted, atol=1e-12)


class Flees(Policy):
    """Everybody goes where nobody is: a crowd that never comes to rest."""

    def __init__(self, game):
        self.game = game

    def act(self, t, x, draws, m=None):
        return self.law(t, x, m).argmax(-1)

    def law(self, t, x, m=None):
        emptier = int(np.asarray(m)[0].argmin())
        return np.broadcast_to(np.eye(self.game.num_actions)[emptier], (*x.shape, 3))


def test_a_crowd_that_does_not_come_to_rest_is_named():
    game = make_game("rock_paper_scissors")
    assert game.horizon is None
    with pytest.raises(RuntimeError, match=r"still moves by .* it may cycle"):
        policies.tabulate(Flees(game), game)
    law = np.array([0.5, 0.2, 0.3])
    table = policies.tabulate(Flees(game), game, mean_fields=law)
    np.testing.assert_array_equal(table.argmax(-1), [1, 1, 1])


def test_with_a_mean_field_of_controls_a_model_sees_where_players_are(toys):
    game, module = toys.Bids(), torch.nn.Linear(2, 2)
    table = policies.tabulate(module, game, observe=("mean_field",))
    where = exact.flow(game, table).sum(-1)  # of (T, S, A): whatever they do there
    seen = torch.as_tensor(where, dtype=torch.float32)
    wanted = torch.softmax(module(seen), -1).detach().numpy()
    np.testing.assert_allclose(table, wanted[:, None].repeat(2, 1), atol=1e-7)


def test_a_policy_that_acts_only_has_no_table():
    class Acts(Policy):
        def act(self, t, x, draws, m=None):
            return np.zeros(x.shape, int)

    with pytest.raises(ValueError, match="probabilities of actions of a Acts are not known"):
        policies.tabulate(Acts(), SIS)
    table = policies.uniform(SIS)
    np.testing.assert_array_equal(policies.tabulate(Table(SIS, table), SIS), table)
