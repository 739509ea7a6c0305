import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from agents.independent.advantages import advantages
from agents.independent.batched_ppo import BatchedIndependentPPO
from agents.independent.ppo_rollout import Training
from agents.independent.stacked_networks import Networks, Shape, first_weights
from mfg_envs import linear_quadratic_v0, make_game, ring_road_v0, sis_v0
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.simulate.snapshot import restore, snapshot
from wrappers import PlayerEnv, SharedPolicyVecEnv

SMALL = BatchedIndependentPPO(iterations=4, copies=2, num_steps=8, num_epochs=2, hidden=(16,))
GAMES = {
    "road": lambda: ring_road_v0.parallel_env(num_agents=3, max_cycles=5),
    "ends": lambda: ring_road_v0.parallel_env(num_agents=3, horizon=5),
    "index": lambda: sis_v0.parallel_env(num_agents=3, observe=("index",)),
    "continuous": lambda: linear_quadratic_v0.parallel_env(num_agents=2),
}


def test_advantages_by_hand():
    reward, value = np.array([1.0, 2.0, 4.0]), np.array([0.5, 1.0, -1.0])
    begins, last = np.array([False, True, False]), np.float64(2.0)
    third = 4 + 0.5 * 2 - (-1)
    second = 2 - 1.0
    first = 1 + 0.5 * 1 - 0.5 + 0.5 * 0.25 * second
    got = advantages(reward, value, begins, last, 0.5, 0.25)
    np.testing.assert_allclose(got, [first, second, third], rtol=1e-15)


def test_first_weights_are_orthogonal():
    shape = Shape(3, (8, 5), 4, discrete=True)
    weights = first_weights(shape, 6, torch.Generator().manual_seed(0))
    parts = Networks.of(shape, weights).parts
    gains = [2**0.5, 2**0.5, 0.01, 2**0.5, 2**0.5, 1]
    for k, gain in enumerate(gains):
        weight = parts[2 * k]
        inner = weight @ weight.mT if weight.shape[1] <= weight.shape[2] else weight.mT @ weight
        eye = gain**2 * torch.eye(inner.shape[-1]).expand_as(inner)
        torch.testing.assert_close(inner, eye, rtol=0, atol=1e-5 * gain)
        assert not parts[2 * k + 1].any()
    assert not torch.equal(parts[0][0], parts[0][1])


def test_a_stack_is_its_networks_one_by_one():
    shape, generator = Shape(3, (7, 5), 2, discrete=False), torch.Generator().manual_seed(1)
    weights, x = torch.randn(4, sum(shape.parts)), torch.randn(4, 6, 3, generator=generator)
    stacked = Networks.of(shape, weights)
    for i in range(4):
        parts = [part[i] for part in stacked.parts]
        h = torch.tanh(torch.tanh(x[i] @ parts[0] + parts[1]) @ parts[2] + parts[3])
        mean = h @ parts[4] + parts[5]
        torch.testing.assert_close(stacked.policy(x)[i], mean)
        h = torch.tanh(torch.tanh(x[i] @ parts[6] + parts[7]) @ parts[8] + parts[9])
        torch.testing.assert_close(stacked.value(x)[i], (h @ parts[10] + parts[11])[:, 0])
        law = torch.distributions.Normal(mean, parts[12].exp())
        a = torch.randn(4, 6, 2, generator=generator)
        logs = stacked.log_probability(stacked.policy(x), a)[i]
        torch.testing.assert_close(logs, law.log_prob(a[i]).sum(-1))
        torch.testing.assert_close(
            stacked.entropy(mean)[i].expand(6), law.entropy().sum(-1).expand(6)
        )


def test_actions_are_drawn_with_their_probabilities():
    shape, N = Shape(1, (), 3, discrete=True), 200_000
    networks = Networks.of(shape, torch.zeros(1, sum(shape.parts)))
    law = torch.tensor([0.5, 0.2, 0.3])
    drawn = networks.draw(law.log().expand(1, N, 3), torch.Generator().manual_seed(0))
    share = torch.bincount(drawn[0], minlength=3) / N
    assert ((share - law).abs() < 5 * (law * (1 - law) / N).sqrt()).all()


def sb3_twin(learner, env, training, i):
    """Return Stable-Baselines3's PPO with the networks of player i."""
    model = PPO(
        "MlpPolicy",
        SharedPolicyVecEnv(env),
        n_steps=2,
        batch_size=2,
        n_epochs=1,
        gamma=learner.discount,
        learning_rate=learner.learning_rate,
        ent_coef=learner.entropy_weight,
        policy_kwargs={"net_arch": list(learner.hidden)},
        device="cpu",
    )
    parts = [part[i] for part in Networks.of(training.shape, training.weights).parts]
    policy = model.policy
    layers = [m for m in policy.mlp_extractor.policy_net if hasattr(m, "weight")]
    layers += [policy.action_net]
    layers += [m for m in policy.mlp_extractor.value_net if hasattr(m, "weight")]
    layers += [policy.value_net]
    with torch.no_grad():
        for k, layer in enumerate(layers):
            layer.weight.copy_(parts[2 * k].T)
            layer.bias.copy_(parts[2 * k + 1][0])
    return model, layers


@pytest.mark.parametrize("name", GAMES)
def test_an_update_is_that_of_stable_baselines(name):
    learner = BatchedIndependentPPO(
        copies=2, num_steps=12, num_epochs=1, num_minibatches=1, entropy_weight=0.01, hidden=(8, 8)
    )
    training = Training(learner, GAMES[name](), 7)
    rollout = training.rollout()
    twins = [sb3_twin(learner, GAMES[name](), training, i) for i in range(training.num_players)]
    training.update(rollout)
    parts = Networks.of(training.shape, training.weights).parts
    for i, (model, layers) in enumerate(twins):
        # Stable-Baselines3's own evaluation, loss, clipping and Adam on the same transitions.
        seen, acted = rollout.observation[i], rollout.action[i]
        if name == "index":
            seen = seen.argmax(-1)
        value, log, entropy = model.policy.evaluate_actions(seen, acted)
        torch.testing.assert_close(log, rollout.log_probability[i], rtol=0, atol=1e-5)
        gain = rollout.advantage[i]
        gain = (gain - gain.mean()) / (gain.std() + 1e-8)
        ratio = (log - rollout.log_probability[i]).exp()
        surrogate = torch.min(gain * ratio, gain * ratio.clamp(0.8, 1.2)).mean()
        error = torch.nn.functional.mse_loss(rollout.target[i], value.flatten())
        model.policy.optimizer.zero_grad()
        (-surrogate - 0.01 * entropy.mean() + 0.5 * error).backward()
        torch.nn.utils.clip_grad_norm_(model.policy.parameters(), 0.5)
        model.policy.optimizer.step()
        for k, layer in enumerate(layers):
            # Adam's first step is learning_rate * g / (|g| + 1e-5): where g is rounding noise of
            # 1e-7, so is a hundredth of the step of 3e-4.
            torch.testing.assert_close(layer.weight.T, parts[2 * k][i], rtol=0, atol=6e-6)
            torch.testing.assert_close(layer.bias, parts[2 * k + 1][i, 0], rtol=0, atol=6e-6)


def same(one, two):
    assert one.iteration == two.iteration
    assert one.samples == two.samples
    for name in ("policy", "mean_field", "q"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("name", GAMES)
def test_the_seed_decides_and_going_on_gives_the_same_bits(name):
    whole = list(SMALL.learn(GAMES[name](), seed=3))
    assert [iterate.iteration for iterate in whole] == [1, 2, 3, 4]
    for one, two in zip(whole, SMALL.learn(GAMES[name](), seed=3), strict=True):
        same(one, two)
    for one, two in zip(whole[2:], SMALL.learn(GAMES[name](), seed=3, start=whole[1]), strict=True):
        same(one, two)
    other = next(SMALL.learn(GAMES[name](), seed=4))
    assert not np.array_equal(other.policy, whole[0].policy)


def test_players_learn_by_themselves():
    # What a player's networks become depends on its own transitions only.
    training = Training(SMALL, GAMES["road"](), 1)
    rollout, before = training.rollout(), training.weights.clone()
    generator = training.generator.get_state()
    training.update(rollout)
    after, training.weights = training.weights, before
    training.moments.zero_()
    training.steps = 0
    training.generator.set_state(generator)
    rollout.target[0] += 1
    training.update(rollout)
    assert not torch.equal(training.weights[0], after[0])
    torch.testing.assert_close(training.weights[1:], after[1:], rtol=0, atol=0)


def test_a_learned_player_plays():
    env = GAMES["continuous"]()
    iterate = next(SMALL.learn(env, seed=0))
    act = SMALL.player(env, iterate, "player_1")
    one = PlayerEnv(env, "player_0", act)
    one.reset(seed=0)
    assert np.isfinite(one.step(np.zeros(1, np.float32))[1])
    with pytest.raises(ValueError, match="player_7"):
        SMALL.player(env, iterate, "player_7")


def test_a_moment_goes_on_bit_for_bit_elsewhere():
    game = make_game("sis", horizon=9)
    for mode in ("n_agent", "mean_field"):
        one, two = (BatchEnv(game, 2, 5, seed=s, mode=mode) for s in (1, 2))
        two.reset()
        one.reset()
        one.reset()
        a = np.ones((2, 5), int)
        one.step(a)
        restore(two, snapshot(one))
        for _ in range(3):
            x, y = one.step(a), two.step(a)
            np.testing.assert_array_equal(x.state, y.state)
            np.testing.assert_array_equal(x.mean_field, y.mean_field)
        np.testing.assert_array_equal(one.reset().state, two.reset().state)
    with pytest.raises(ValueError, match=r"\(2, 5\) populations and players"):
        restore(BatchEnv(game, 2, 4), snapshot(one))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchedIndependentPPO(num_steps=0), "num_steps must be at least 1, got 0"),
        (lambda: BatchedIndependentPPO(discount=1.1), r"discount must be in \[0, 1\], got 1.1"),
        (lambda: BatchedIndependentPPO(clip=0.0), "clip must be positive, got 0.0"),
        (
            lambda: BatchedIndependentPPO(num_steps=3, num_minibatches=4),
            r"num_minibatches must be in \[1, 3\], got 4",
        ),
    ],
)
def test_bad_parameters_name_value_and_bound(make, message):
    with pytest.raises(ValueError, match=message):
        make()
