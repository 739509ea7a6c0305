from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agents import MeanFieldActorCritic  # noqa: E402
from agents.n_players.mean_action_training import Nets  # noqa: E402
from agents.n_players.replay import Batch  # noqa: E402
from mfg_envs import exact, make_game, policies  # noqa: E402

LEGAL = torch.tensor([[True, True, True], [True, True, False]])


class Row:
    """A network that gives its weights, whatever it sees."""

    size = 3

    def __call__(self, weights, s, t, others):
        return weights.expand(len(s), 3)


def nets(critic, actor):
    flat = torch.tensor([*critic, *actor], requires_grad=True)
    shapes: Any = (Row(), Row())
    return Nets(shapes, flat, LEGAL, 0.5)


def batch():
    s, t = torch.tensor([0]), torch.tensor([0])
    others = torch.full((1, 3), 1 / 3)
    after = torch.tensor([1])
    reward, goes_on = torch.tensor([4.0]), torch.tensor([1.0])
    return Batch(s, t, others, torch.tensor([2]), reward, after, t, others, goes_on)


def test_the_target_is_the_value_of_the_actor():
    # The third action is illegal ahead: the others have 1/4 and 3/4.
    targets = nets([2.0, 6.0, 100.0], [0.0, np.log(3), 9.0])
    target = MeanFieldActorCritic().target(targets, batch())
    np.testing.assert_allclose(target.detach(), [4 + 0.5 * 5], rtol=1e-6)


def test_gradients_are_those_of_the_critics_error_and_the_actors_gain():
    own = nets([1.0, 2.0, 3.0], [np.log(2), 0.0, 0.0])
    targets = nets([2.0, 6.0, 100.0], [0.0, np.log(3), 9.0])
    MeanFieldActorCritic().loss(own, targets, batch(), 4.0).backward()
    # Critic: d/dQ(2) (6.5 - 3)^2 = -7.  Actor: law (1/2, 1/4, 1/4), and with
    # f = Q - log(law) / 4 the gradient of the gain is law (f - <law, f>).
    law = np.array([0.5, 0.25, 0.25])
    f = np.array([1.0, 2.0, 3.0]) - np.log(law) / 4
    wanted = [0, 0, -7, *-(law * (f - law @ f))]
    assert own.weights.grad is not None
    np.testing.assert_allclose(own.weights.grad.numpy(), wanted, atol=1e-6)


def test_the_actor_plays_whatever_the_others_did():
    learner = MeanFieldActorCritic(num_players=3, iterations=1, num_steps=4, hidden=(4,))
    game = make_game("sis", setting="two_actions")
    training = learner.prepare(game, 0)
    training.begin()
    seen = np.eye(2, dtype=np.float32)
    states = np.arange(2)
    assert np.array_equal(
        training._law(0, states, seen, 1.0), training._law(0, states, seen[::-1].copy(), 1.0)
    )


def test_a_shared_actor_learns_the_ring_road():
    game = make_game("ring_road", num_cells=6, num_speeds=3)
    learner = MeanFieldActorCritic(num_players=60, iterations=8, num_updates=40, temperature=0.2)
    *_, last = learner.learn(game)
    uniform = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, last.policy) < 0.2 * uniform
