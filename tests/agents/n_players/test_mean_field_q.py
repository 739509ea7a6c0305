from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agents import MeanFieldQ  # noqa: E402
from agents.n_players.mean_action_training import Nets  # noqa: E402
from agents.n_players.replay import Batch  # noqa: E402
from mfg_envs import exact, make_game, policies  # noqa: E402


class Given:
    """A network whose output is ``table[t, s] + others``, in the place of a trained one."""

    def __init__(self, table):
        self.table, self.size = torch.tensor(table), 1

    def __call__(self, weights, s, t, others):
        return weights * (self.table[t, s] + others)


def batch(goes_on=(1.0, 0.0)):
    """Return two transitions; of the first the target is worked by hand below."""
    return Batch(
        state=torch.tensor([0, 1]), time=torch.tensor([0, 1]),
        others=torch.tensor([[0.5, 0.5], [1.0, 0.0]]), action=torch.tensor([1, 0]),
        reward=torch.tensor([-1.0, 3.0]), state_after=torch.tensor([1, 0]),
        time_after=torch.tensor([1, 1]), others_after=torch.tensor([[0.25, 0.75], [0.5, 0.5]]),
        goes_on=torch.tensor(goes_on),
    )  # fmt: skip


def nets(weight, legal=((True, True), (True, True))):
    table = [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 4.0], [1.75, 1.25 + np.log(3) / 2]]]
    flat = torch.tensor([weight], requires_grad=True)
    shapes: Any = (Given(np.array(table, np.float32)),)
    return Nets(shapes, flat, torch.tensor(legal), 0.5)


def test_the_target_is_that_of_the_paper():
    # Ahead, in state 1 at time 1, Q' = (1.75 + .25, 1.25 + log(3) / 2 + .75): at heat 2 the
    # second action has three times the probability of the first, v = 2 + .75 log(3) / 2.
    # The second transition is the last of its episode.
    target = MeanFieldQ().target(nets(1.0), batch(), 2.0)
    np.testing.assert_allclose(target.detach(), [-1 + 0.5 * (2 + 0.375 * np.log(3)), 3], rtol=1e-6)


def test_what_is_illegal_ahead_does_not_count():
    target = MeanFieldQ().target(nets(1.0, ((True, True), (True, False))), batch(), 2.0)
    np.testing.assert_allclose(target.detach(), [-1 + 0.5 * 2, 3], rtol=1e-6)


def test_the_loss_is_the_mean_squared_error_and_moves_no_target():
    own, targets = nets(2.0), nets(1.0)
    loss = MeanFieldQ().loss(own, targets, batch(), 2.0)
    # Q of what was done is 2 (1 + .5) and 2 (1.75 + 1).
    errors = np.array([-1 + 0.5 * (2 + 0.375 * np.log(3)) - 3, 3 - 5.5])
    np.testing.assert_allclose(loss.item(), (errors**2).mean(), rtol=1e-6)


def test_choices_are_the_softmax_of_values_at_the_mean_action():
    table = nets(1.0)
    s, t = torch.tensor([0]), torch.tensor([0])
    scores = MeanFieldQ().scores(table, s, t, torch.tensor([[0.25, 0.75]]), 4.0)
    assert scores.tolist() == [[1.0, 7.0]]


def test_a_shared_network_learns_the_ring_road():
    game = make_game("ring_road", num_cells=6, num_speeds=3)
    learner = MeanFieldQ(num_players=60, iterations=8, num_updates=40, temperature=0.2)
    *_, last = learner.learn(game)
    uniform = exact.exploitability(game, policies.uniform(game))
    assert exact.exploitability(game, last.policy) < 0.2 * uniform
