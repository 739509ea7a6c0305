"""Finite-N Nash gaps beside the game of a few players, written out over the states of all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from agents.cli.reproduce.nash_gap.exact import two_states
from mfg_envs import make_game
from mfg_envs.metrics.deviations import CrowdResponse, at_time, expect
from mfg_envs.metrics.gap_of_n_players import nash_gap

SIGMAS = 4.5
"""A right estimate is further off once in 150 000 times."""
SMALL = {
    "epidemic": lambda toys: toys.Epidemic(),
    "epidemic for ever": lambda toys: toys.Epidemic(horizon=None, discount=0.7),
    "market": lambda toys: toys.Market(),
    "market for ever": lambda toys: toys.Market(horizon=None, discount=0.6),
    "corridor": lambda toys: toys.Corridor(),
    "ring": lambda toys: make_game("ring_road", num_cells=4, num_speeds=4, discount=0.6),
}


@pytest.fixture(scope="module", params=SMALL)
def small_game(request, toys):
    """Return games that can be written out over the states of all players."""
    return SMALL[request.param](toys)


class JointGame:
    """The game of a few players written out over the states of all: an oracle, no mean field.

    Joint states, the actions of the others and everybody's moves are enumerated: what player 0
    meets while players 1..N-1 follow ``policy`` is rewards (J, A) and moves (J, A, J).

    Attributes:
        states: Joint states, int (J, N).
        first: Their law at the start, (J,); players start independently from ``law``.
    """

    def __init__(self, game, policy, num_agents, law):
        self.game, self.policy, S = game, policy, game.num_states
        self.states = np.array(list(itertools.product(range(S), repeat=num_agents)))
        self.first = np.prod(np.asarray(law)[self.states], axis=1)
        steps = range(1 if game.horizon is None else game.horizon)
        self.tables = [self.tabulate(t) for t in steps]

    def tabulate(self, t):
        """Return rewards and moves at time t, by brute force."""
        game, (J, N) = self.game, self.states.shape
        A, rule = game.num_actions, self.policy[t] if self.policy.ndim == 3 else self.policy
        rewards, moves = np.zeros((J, A)), np.zeros((J, A, *(game.num_states,) * N))
        for j, x in enumerate(self.states):
            for a in itertools.product(range(A), repeat=N):
                chance = np.prod(rule[x[1:], a[1:]])
                if chance == 0:
                    continue
                m = game.mean_field(x[None], np.array(a)[None])
                here = x[None], np.array(a)[None]
                r = np.broadcast_to(game.reward(t, *here, m), (1, N))
                laws = [self.one(t, *pair, m) for pair in zip(x, a, strict=True)]
                joint = laws[0]
                for law in laws[1:]:
                    joint = np.multiply.outer(joint, law)
                rewards[j, a[0]] += chance * r[0, 0]
                moves[j, a[0]] += chance * joint
        return rewards, moves.reshape(J, A, J)

    def one(self, t, x, a, m):
        """Return the law of one player's next state, (S,)."""
        game, law = self.game, np.zeros(self.game.num_states)
        here = np.array([[x]]), np.array([[a]])
        if not game.legal_actions[x, a]:
            law[x] = 1
            return law
        chances = game.noise_law(t, *here, m)
        if not isinstance(chances, tuple):
            chances = np.moveaxis(np.asarray(chances), -1, 0)
        for w, p in enumerate(chances):
            after = np.broadcast_to(game.step(t, *here, m, np.array([[w]])), (1, 1))
            law[after[0, 0]] += np.broadcast_to(p, (1, 1))[0, 0]
        return law

    def value(self, play=None, weight=1e-12):
        """Return what player 0 earns: with ``play(t, states)``, laws of actions (J, A), or at best.

        Without an end it plays until a reward's weight is ``weight``.
        """
        game = self.game
        steps = game.horizon or int(np.log(weight) / np.log(game.discount)) + 1
        legal, v = game.legal_actions[self.states[:, 0]], np.zeros(len(self.states))
        for t in reversed(range(steps)):
            rewards, moves = self.tables[min(t, len(self.tables) - 1)]
            q = rewards + game.discount * moves @ v
            v = np.where(legal, q, -np.inf).max(-1)
            if play is not None:
                v = (play(t, self.states) * q).sum(-1)
        return float(self.first @ v)


@pytest.mark.parametrize("sees", ["crowd", "state"])
def test_players_of_a_few_earn_what_the_joint_game_says(small_game, random_policy, sees):
    game, N = small_game, 2
    policy = random_policy(game)
    found = nash_gap(game, policy, N, sees=sees, num_episodes=1500)
    expected = expect(game, policy)
    joint = JointGame(game, policy, N, expected.law)
    own = joint.value(lambda t, x: at_time(expected.rules, t)[x[:, 0]])
    cut = 0.002 * np.ptp(expected.best)  # a stationary game is cut off at a thousandth
    assert abs(found.value - own) < SIGMAS * found.value_error + cut
    deviation = found.deviation
    if sees == "crowd":
        answer = np.eye(game.num_actions)[crowd_actions(deviation, joint.states)]
        gain = joint.value(lambda t, x: at_time(answer, t)) - own
        assert abs(found.gap - gain) < SIGMAS * found.error + 2 * cut
        assert gain > 0.9 * (joint.value() - own)
    else:
        steps = len(deviation)
        gain = joint.value(lambda t, x: deviation[min(t, steps - 1)][x[:, 0]]) - own
        assert abs(found.gap - gain) < SIGMAS * found.error + 2 * cut
        assert gain < joint.value() - own + 1e-9


def crowd_actions(deviation, states):
    """Return the actions of a crowd response in every joint state, (T, J) or (1, J)."""
    horizon = deviation.expected.game.horizon
    return np.stack([deviation.plan(t, states).argmax(-1) for t in range(horizon or 1)])


@pytest.mark.parametrize("setting", ["contact_levels", "two_actions"])
def test_an_epidemic_of_three_people_agrees_with_the_lattice(setting, random_policy):
    game = make_game("sis", setting=setting)
    policy, A = random_policy(game), game.num_actions
    expected = expect(game, policy)
    joint = JointGame(game, policy, 3, expected.law)
    own = joint.value(lambda t, x: policy[x[:, 0]])
    best = joint.value() - own
    pure = [np.eye(A)[list(rule)] for rule in itertools.product(range(A), repeat=2)]
    blind = max(joint.value(lambda t, x, rule=rule: rule[x[:, 0]]) for rule in pure) - own
    lattice = two_states(game, policy, 3)
    assert lattice == pytest.approx((best, blind, own), rel=1e-7)
    answer = np.eye(A)[crowd_actions(CrowdResponse(expected, 3, 10), joint.states)]
    assert 0.9 * best < joint.value(lambda t, x: answer[0]) - own < best + 1e-9
