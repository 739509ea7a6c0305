"""Independent Q-learning: every player learns a table of its own and takes others for the world.

Watkins, Dayan, "Q-learning" (Machine Learning 8, 1992), one learner a player as in Tan,
"Multi-agent reinforcement learning: independent vs. cooperative agents" (ICML 1993), with the
Boltzmann choices of Leslie, Collins, "Individual Q-learning in normal form games" (SIAM J. Control
Optim. 44, 2005) and step sizes that fall with the visits of a pair (Even-Dar, Mansour, "Learning
rates for Q-learning", JMLR 5, 2003).  From zero, of a transition ``(s, a, r, s')`` of which (s, a)
has been met n times before::

    Q_i(s, a) <- Q_i(s, a) + (1 + n)^-decay [ r' + discount max_b Q_i(s', b) - Q_i(s, a) ]
    pi_i(a | s) = softmax_a( Q_i(s, a) / temperature_k ),    temperature_k = temperature k^-cooling

Rewards r' are counted in standard deviations below the highest of random play: zero is an upper
bound of the values, and whoever has not tried an action hopes for the best of it.  With a horizon
the state includes the time, and one episode follows the other; without one N players walk on one
path that never begins anew.  Everybody moves at once, in the compiled simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Array, Count, FiniteGame, NonNegative, Positive, Probability
from mfg_envs.game.kinds import check_finite
from mfg_envs.numerics import random
from mfg_envs.numerics.compiler import backend
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.simulate.snapshot import PARTS, restore, snapshot

from ..mirror_ascent.compiled import line_bytes
from ..runs.iterate import Iterate
from ..runs.learner import Learner
from .average_behaviour import average, shares
from .compiled_tables import CompiledTables
from .policies_of_players import OwnTables
from .random_play import Unit, measured_unit
from .tables import MOST, Rules, Tables, Transition, boltzmann


@dataclass(frozen=True, kw_only=True)
class IndependentQ(Learner):
    """Let each of N players learn by a table of its own.

    Attributes:
        num_players: Players, N.
        iterations: Times that the policies are looked at.
        num_steps: Steps that all players play and learn from in an iteration, and at random before
            the first.
        temperature: Of the choices in the first iteration, in units of scaled rewards.
        cooling: Power of the iteration with which it falls.
        decay: Power of the visits of a pair with which step sizes fall; theory wants more than
            1/2.
    """

    learns: ClassVar[tuple[type, ...]] = (FiniteGame,)
    num_players: Count = 100
    iterations: Count = 20
    num_steps: Count = 1000
    temperature: Positive = 0.2
    cooling: NonNegative = 0.5
    decay: Probability = 0.6

    def prepare(self, source: Any, seed: Any, /) -> BatchEnv:
        """Return the players of a finite game, reset.

        Raises:
            ValueError: If the tables need more memory than there is, or private states that look
                alike have different legal actions.
        """
        check_finite(source)
        policies.observed_legal(source)
        rows = source.num_observations * (source.horizon or 1)
        bytes_each = rows * (2 * line_bytes(source.num_actions) + 12 * source.num_actions)
        check_memory(self.num_players, bytes_each, "num_players")
        env = BatchEnv(source, 1, self.num_players, seed)
        env.reset()
        return env

    def begin(self, env: BatchEnv, /) -> Iterate:
        """Return tables of zeros, after steps at random that tell what rewards are like."""
        game, N = env.game, self.num_players
        unit = measured_unit(env, self.num_steps, np.max)
        shape = _shape(game)
        q, visits = np.zeros((N, *shape), np.float32), np.zeros((N, *shape), np.uint16)
        memory = {"q": q, "visits": visits, "unit": np.array(unit), **_moment(env)}
        rule = np.broadcast_to(boltzmann(q[0], policies.observed_legal(game), 0.0), shape)
        return Iterate(
            0, N * self.num_steps, rule / rule.sum(-1, keepdims=True), np.zeros(shape[:-1]),
            np.zeros(shape), memory,
        )  # fmt: skip

    def resume(self, env: BatchEnv, start: Iterate, /) -> Iterate:
        """Put the players where an iterate of this learner and this game left them."""
        found, wanted = start.memory["q"].shape, (self.num_players, *_shape(env.game))
        if found != wanted:
            raise ValueError(
                f"start has tables {found}, this learner needs {wanted}: go on with the learner and"
                " the game that made it"
            )
        restore(env, {name: start.memory[f"game_{name}"] for name in PARTS})
        return start

    def improve(self, env: BatchEnv, last: Iterate, /) -> Iterate:
        """Play and learn for ``num_steps`` steps.

        An iterate's ``policy`` (T, O, A) or (O, A) is the average behaviour of the population:
        everybody's softmax, weighted by how often it was there in this iteration.  ``q`` is the
        average of the tables with the same weights, in the game's own rewards; ``mean_field`` the
        share of players who were there, (T, O) or (O,).  Everybody's own table is in
        ``memory["q"]``, see ``players``.
        """
        game, k = env.game, last.iteration + 1
        shape = last.policy.shape
        flat = (self.num_players, -1, game.num_actions)
        rules = self._rules(game, k, Unit(*last.memory["unit"]))
        made = CompiledTables if backend() == "numba" else Tables
        tables = made(last.memory["q"].reshape(flat), last.memory["visits"].reshape(flat), rules)
        for _ in range(self.num_steps):
            if env.over:
                env.reset()
            _step(env, tables)
        q, visits = (np.array(part).reshape(-1, *shape) for part in (tables.q, tables.visits))
        policy, mean_q, total = average(tables.q, tables.seen, rules)
        samples, unit = last.samples + self.num_players * self.num_steps, last.memory["unit"]
        values = Unit(*unit).values(game, mean_q.reshape(shape))
        m = shares(total.reshape(shape[:-1]))
        memory = {"q": q, "visits": visits, "unit": unit, **_moment(env)}
        return Iterate(k, samples, policy.reshape(shape), m, values, memory)

    def players(self, game: FiniteGame, iterate: Iterate) -> OwnTables:
        """Return what the players of an iterate follow, each its own table, to watch them play."""
        return OwnTables(game, iterate.memory["q"], self._heat(max(iterate.iteration, 1)))

    def _heat(self, k: int) -> float:
        """Return the inverse temperature of an iteration."""
        return k**self.cooling / self.temperature

    def _rules(self, game: FiniteGame, k: int, unit: Unit) -> Rules:
        legal = np.tile(policies.observed_legal(game), (game.horizon or 1, 1))
        alphas = ((1.0 + np.arange(MOST + 1)) ** -self.decay).astype(np.float32)
        return Rules(legal, self._heat(k), alphas, game.discount, *unit)


def _shape(game: FiniteGame) -> tuple[int, ...]:
    """Return the shape of a player's table."""
    clock = () if game.horizon is None else (game.horizon,)
    return (*clock, game.num_observations, game.num_actions)


def _step(env: BatchEnv, tables: Tables | CompiledTables) -> None:
    """Let everybody act once, and learn from it."""
    game, t = env.game, env.t
    row = game.observed[env.state[0]]
    if game.horizon is not None:
        row = row + t * game.num_observations
    a = tables.act(row, random.subkey(env.keys[0], random.ACTION, t))
    reward = env.step(a[None]).reward[0]
    after = game.observed[env.state[0]]
    if game.horizon is not None and not env.over:
        after = after + env.t * game.num_observations
    tables.learn(Transition(row, a, reward, after, not env.over))


def _moment(env: BatchEnv) -> dict[str, Array]:
    """Return where the players are, to go on from there."""
    return {f"game_{name}": part for name, part in snapshot(env).items()}
