"""Trained models act by the laws that they say, drawn by counters, on what an observer shows."""

from __future__ import annotations

import numpy as np
import pytest

from mfg_envs import BatchEnv, exact, make_game, policies
from mfg_envs.numerics import random
from mfg_envs.players.observers import ContinuousObserver, Observer
from mfg_envs.simulate.acting import Draws, as_policy
from mfg_envs.simulate.play import play

torch = pytest.importorskip("torch")
sb3 = pytest.importorskip("stable_baselines3")
contrib = pytest.importorskip("sb3_contrib")
gymnasium = pytest.importorskip("gymnasium")
vec_env = pytest.importorskip("stable_baselines3.common.vec_env")

MANY = 20_000
SIS, LINE = make_game("sis", horizon=4), make_game("linear_quadratic", horizon=4)
PARTS = ("state", "density", "time")


class Spaces(gymnasium.Env):
    """What a model is made in: it has the spaces of a player, and is never stepped."""

    def __init__(self, game, parts):
        finite = hasattr(game, "num_actions")
        self.observation_space = (Observer if finite else ContinuousObserver)(game, parts).space
        self.action_space = BatchEnv(game, 1, 1).action_space

    def reset(self, *, seed=None, options=None):
        return self.observation_space.sample(), {}


def made(kind, game=SIS, parts=PARTS, wrap=lambda venv: venv, **settings):
    """Return a model that has learned nothing: its network is random."""
    venv = wrap(vec_env.DummyVecEnv([lambda: Spaces(game, parts)]))
    return kind("MlpPolicy", venv, seed=3, device="cpu", **settings)


def draws(t=0):
    return Draws(random.seed_key(1, np.arange(1)), t)


def check_act_and_law(game, played, t=1):
    """Compare what many do in every state with its probabilities, at 5 sigma."""
    m = exact.flow(game, policies.uniform(game))[t][None]
    for x in range(game.num_states):
        states = np.full((1, MANY), x)
        law = played.law(t, states[:, :1], m)[0, 0]
        assert law.sum() == pytest.approx(1)
        a = played.act(t, states, draws(t), m)
        assert a.dtype == np.int32
        share = np.bincount(a[0], minlength=game.num_actions) / MANY
        assert (abs(share - law) <= 5 * np.sqrt(law * (1 - law) / MANY) + 1e-6).all()


def test_the_law_of_ppo_is_that_of_its_network():
    model = made(sb3.PPO)
    played = as_policy(SIS, model, observe=PARTS)
    x, m = np.array([[0, 1, 1]]), np.array([[0.6, 0.4]])
    seen = Observer(SIS, PARTS)(x, 2, m)[0]
    with torch.no_grad():
        wanted = model.policy.get_distribution(torch.as_tensor(seen)).distribution.probs.numpy()
    np.testing.assert_allclose(played.law(2, x, m)[0], wanted, atol=1e-6)
    check_act_and_law(SIS, played)


@pytest.mark.parametrize("parts", [PARTS, ("index",)])
def test_dqn_is_greedy_but_for_a_chance_that_is_asked_for(parts):
    model = made(sb3.DQN, parts=parts, buffer_size=10)
    x, m = np.array([[0, 1]]), np.array([[0.6, 0.4]])
    best = model.predict(Observer(SIS, parts)(x, 2, m)[0], deterministic=True)[0]
    greedy = np.eye(SIS.num_actions)[best]
    np.testing.assert_array_equal(as_policy(SIS, model, observe=parts).law(2, x, m)[0], greedy)
    played = as_policy(SIS, model, observe=parts, epsilon=0.2)
    np.testing.assert_allclose(played.law(2, x, m)[0], 0.8 * greedy + 0.2 / SIS.num_actions)
    check_act_and_law(SIS, played)


def test_illegal_actions_are_left_to_the_legal_ones(toys):
    game = toys.Corridor()
    x = np.arange(5)[None]
    legal = game.legal_actions
    masked = made(contrib.MaskablePPO, game, ("state",))
    open_ = made(sb3.PPO, game, ("state",))
    for model in (masked, open_):
        law = as_policy(game, model, observe=("state",)).law(0, x)[0]
        seen = torch.as_tensor(Observer(game, ("state",))(x, 0, np.ones((1, 5)))[0])
        with torch.no_grad():
            free = model.policy.get_distribution(seen).distribution.probs.numpy()
        wanted = free * legal / (free * legal).sum(-1, keepdims=True)
        np.testing.assert_allclose(law, wanted, atol=1e-6)
        episode = play(game, model, 200, observe=("state",))
        assert legal[episode.state, episode.action].all()

    class Backwards:
        def predict(self, seen, deterministic=True):
            return np.zeros(len(seen), int), None

    law = as_policy(game, Backwards(), observe=("state",)).law(0, x)[0]
    np.testing.assert_array_equal(law[0], [0, 0.5, 0.5])  # there is no way back
    np.testing.assert_array_equal(law[1:], np.eye(3)[[0] * 4])


def test_a_model_plays_the_same_by_any_generator_and_batch():
    model = made(sb3.PPO)
    torch.manual_seed(0)
    one = play(SIS, model, 30, num_envs=2, seed=4, observe=PARTS)
    torch.manual_seed(1)
    two = play(SIS, model, 30, num_envs=2, seed=4, observe=PARTS)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    env = BatchEnv(SIS, 2, 30, 4, observe=PARTS)
    env.reset()
    np.testing.assert_array_equal(env.rollout(model, 4).mean_field, one.mean_field)


def test_a_model_sees_the_players_of_a_mean_field_of_controls(toys):
    game = toys.Market()
    model = made(sb3.PPO, game, ("state", "mean_field"))
    episode = play(game, model, 50, observe=("state", "mean_field"))
    played, observer = (
        as_policy(game, model, observe=("state", "mean_field")),
        Observer(game, ("state", "mean_field")),
    )
    t, x = 2, episode.state[2]
    shares = np.bincount(game.stall[x[0]], minlength=3) / 50
    joint = np.repeat(shares[:, None] / 3, 3, 1)[None]
    seen = torch.as_tensor(observer(x, t, shares[None])[0])
    with torch.no_grad():
        free = model.policy.get_distribution(seen).distribution.probs.numpy()
    legal = game.legal_actions[x[0]]
    law = played.law(t, x, joint)[0]
    np.testing.assert_allclose(law, free * legal / (free * legal).sum(-1, keepdims=True), atol=1e-6)


def test_observations_pass_through_the_models_normalisation():
    normalise = vec_env.VecNormalize
    model = made(sb3.PPO, wrap=lambda venv: normalise(venv, norm_reward=False))
    model.get_env().obs_rms.mean[:] = 0.5
    model.get_env().obs_rms.var[:] = 0.04
    x, m = np.array([[0, 1]]), np.array([[0.6, 0.4]])
    seen = (Observer(SIS, PARTS)(x, 2, m)[0] - 0.5) / np.sqrt(0.04 + 1e-8)
    with torch.no_grad():
        shown = torch.as_tensor(seen.astype(np.float32))
        wanted = model.policy.get_distribution(shown).distribution.probs.numpy()
    law = as_policy(SIS, model, observe=PARTS).law(2, x, m)[0]
    np.testing.assert_allclose(law, wanted, atol=1e-5)


def test_models_of_continuous_games_draw_within_the_bounds():
    x = np.full((1, MANY, 1), 0.3)
    ppo = as_policy(LINE, made(sb3.PPO, LINE, ("state",)), observe=("state",))
    a = ppo.act(0, x, draws())[0, :, 0]
    assert abs(a).max() <= 0.1  # of a wide normal law nearly all is cut off
    assert (abs(a) == 0.1).mean() > 0.8
    assert abs(a.mean() - ppo.mean(0, x[:, :1]).item()) <= 5 * a.std() / np.sqrt(MANY) + 2e-3
    sac = as_policy(LINE, made(sb3.SAC, LINE, ("state",), buffer_size=10), observe=("state",))
    a = sac.act(0, x, draws())[0, :, 0]
    assert 0.01 < a.std() < 0.1
    assert abs(a).max() <= 0.1
    best = sac.trained.predict(np.array([[0.3]], np.float32), deterministic=True)[0]
    assert abs(a.mean() - sac.mean(0, x[:, :1]).item()) <= 5 * a.std() / np.sqrt(MANY)
    # As many are squashed below the mean as above: the median is what is most probable.
    assert abs((a < best).mean() - 0.5) <= 5 * 0.5 / np.sqrt(MANY)


def test_a_torch_module_gives_logits_or_a_law():
    torch.manual_seed(0)
    width = Observer(SIS, PARTS).width
    net = torch.nn.Sequential(torch.nn.Linear(width, SIS.num_actions), torch.nn.Dropout(0.5))
    net.train()
    played = as_policy(SIS, net, observe=PARTS)
    x, m = np.array([[0, 1]]), np.array([[0.6, 0.4]])
    seen = Observer(SIS, PARTS)(x, 2, m)[0].astype(float)
    weight, bias = (part.detach().numpy().astype(float) for part in net[0].parameters())
    odds = np.exp(seen @ weight.T + bias)
    np.testing.assert_allclose(played.law(2, x, m)[0], odds / odds.sum(-1, keepdims=True), 1e-5)
    assert net.training
    assert net[1].training
    check_act_and_law(SIS, played)

    class Law(torch.nn.Module):
        def forward(self, rows):
            return torch.distributions.Categorical(logits=net(rows))

    np.testing.assert_allclose(as_policy(SIS, Law(), observe=PARTS).law(2, x, m)[0].sum(-1), 1)
    moves = torch.nn.Linear(1, 1)
    episode = play(LINE, moves, 8, observe=("state",))
    scaled = ContinuousObserver(LINE, ("state",))(episode.state[1], 1, np.zeros((1, 1)))
    with torch.no_grad():
        wanted = np.clip(moves(torch.as_tensor(scaled)).numpy(), -0.1, 0.1)
    np.testing.assert_allclose(episode.action[1], wanted, atol=1e-6)


def test_a_torch_module_that_gives_something_else_is_refused():
    with pytest.raises(ValueError, match=r"logits of actions \(R, A\) = \(3, 5\), got \(3, 2\)"):
        as_policy(SIS, torch.nn.Linear(1, 2), observe=("state",)).law(0, np.zeros((1, 3), int))
    with pytest.raises(ValueError, match=r"give actions \(R, k\) = \(3, 1\), got \(3, 2\)"):
        as_policy(LINE, torch.nn.Linear(1, 2), observe=("state",)).mean(0, np.zeros((1, 3, 1)))


def test_a_model_that_cannot_play_the_game_is_refused():
    with pytest.raises(ValueError, match=r"the PPO sees Box.*give observe="):
        as_policy(SIS, made(sb3.PPO), observe=("state",))
    two = make_game("left_right")
    with pytest.raises(ValueError, match=r"the PPO does Discrete.5., .* no actions of left_right"):
        as_policy(two, made(sb3.PPO, parts=("time",)), observe=("time",))
    stacked = made(sb3.PPO, wrap=lambda venv: vec_env.VecFrameStack(venv, 1))
    with pytest.raises(
        ValueError, match=r"through VecFrameStack: let it play in wrappers\.PlayerEnv"
    ):
        as_policy(SIS, stacked, observe=PARTS)
    inside = vec_env.DummyVecEnv(
        [lambda: gymnasium.wrappers.FlattenObservation(Spaces(SIS, PARTS))]
    )
    with pytest.raises(ValueError, match="through FlattenObservation"):
        as_policy(SIS, sb3.PPO("MlpPolicy", inside, device="cpu"), observe=PARTS)
    recurrent = contrib.RecurrentPPO("MlpLstmPolicy", Spaces(SIS, PARTS), device="cpu")
    with pytest.raises(ValueError, match="the RecurrentPPO has a memory"):
        as_policy(SIS, recurrent, observe=PARTS)
    with pytest.raises(ValueError, match=r"epsilon must be in \[0, 1\], got 2"):
        as_policy(SIS, made(sb3.DQN, buffer_size=10), observe=PARTS, epsilon=2)
    with pytest.raises(ValueError, match="epsilon is for finite games"):
        as_policy(LINE, torch.nn.Linear(1, 1), epsilon=0.1)
    with pytest.raises(ValueError, match="needs the mean field m"):
        as_policy(SIS, made(sb3.PPO), observe=PARTS).law(0, np.zeros((1, 1), int))
