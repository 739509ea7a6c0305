"""The PyTorch half of learners that know the mean action: play, replay, updates, the limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics import random
from mfg_envs.players.policy import Draws
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.simulate.snapshot import PARTS, restore, snapshot

from ..runs.iterate import Iterate
from ..runs.torch_state import one_thread
from . import mean_actions
from .networks import Adam, Shape, log_softmax
from .random_play import Unit, measured_unit
from .replay import Batch, Replay
from .tables import drawn


class Nets(NamedTuple):
    """Networks beside each other in one vector of weights.

    Attributes:
        shapes: Of each.
        weights: Of all of them, (P,).
        legal: Legal actions of observed states, bool (O, A).
        discount: Weight of the next step.
    """

    shapes: Sequence[Shape]
    weights: Tensor
    legal: Tensor
    discount: float

    def __call__(self, number: int, s: Tensor, t: Tensor, others: Tensor) -> Tensor:
        """Return what one of them gives, (R, outputs)."""
        own = self.weights.split([shape.size for shape in self.shapes])[number]
        return self.shapes[number](own, s, t, others)

    def log_law(self, scores: Tensor, s: Tensor) -> Tensor:
        """Return the logarithms of a softmax over what is legal in states (R,), (R, A)."""
        return log_softmax(scores, self.legal[s])


class MeanActionTraining:
    """Players, networks, optimiser and transitions of a run.

    Args:
        learner: The hyper-parameters, and the loss.
        game: The game.
        seed: Of everything.
    """

    def __init__(self, learner: Any, game: FiniteGame, seed: Any) -> None:
        self.learner, self.game, self.seed = learner, game, seed
        self.legal = torch.from_numpy(policies.observed_legal(game))
        self.shapes = learner.shapes(game)
        self.env = BatchEnv(game, learner.copies, learner.num_players, seed)
        self.env.reset()

    def begin(self) -> Iterate:
        """Return the iterate before the first."""
        learner = self.learner
        self.unit = measured_unit(self.env, learner.num_steps, np.max)
        generator = torch.Generator().manual_seed(int(random.seed_key(self.seed)) >> 1)
        weights = torch.cat([shape.first(generator) for shape in self.shapes])
        self.adam = Adam(weights, torch.zeros(2, len(weights)), 0)
        self.targets = weights
        self.replay = Replay.empty(self.game.num_actions)
        self.seen = mean_actions.no_action(self.game, learner.copies)
        if not self.env.over:  # what was done at random is done with
            self.env.reset()
        return self.iterate(0, learner.num_players * learner.copies * learner.num_steps)

    def restore(self, memory: Mapping[str, Array]) -> None:
        """Go on from the memory of an iterate.

        Raises:
            ValueError: If it is that of other networks or players.
        """
        found, wanted = len(memory["weights"]), sum(shape.size for shape in self.shapes)
        if found != wanted:
            raise ValueError(
                f"start has networks of {found} weights, this learner needs {wanted}: go on with"
                " the learner and the game that made it"
            )
        self.unit = Unit(*memory["unit"])
        numbers = {
            name: torch.from_numpy(memory[name].copy())
            for name in ("weights", "moments", "targets")
        }
        self.adam = Adam(numbers["weights"], numbers["moments"], int(memory["steps"]))
        self.targets, self.replay = numbers["targets"], Replay.of(memory)
        self.seen = memory["seen"]
        restore(self.env, {name: memory[f"game_{name}"] for name in PARTS})

    def play(self, heat: float, draw: np.random.Generator) -> None:
        """Play ``num_steps`` steps and keep ``num_kept`` of the transitions in each."""
        env, learner = self.env, self.learner
        met: list[Replay] = []
        with torch.no_grad(), one_thread():
            for _ in range(learner.num_steps):
                if env.over:
                    env.reset()
                    self.seen = mean_actions.no_action(self.game, learner.copies)
                step = self._step(heat)
                size = len(step.state)
                few = min(learner.num_kept, size)
                met.append(step.drawn(draw.choice(size, few, replace=False, shuffle=False)))
        self.replay = self.replay.and_then(met, learner.replay_size)

    def _step(self, heat: float) -> Replay:
        """Let everybody act once; return the transitions of all."""
        env, game, seen, t = self.env, self.game, self.seen, self.env.t
        b, s = np.arange(env.num_envs)[:, None], game.observed[env.state].astype(np.int64)
        if s.size < seen.shape[0] * seen.shape[1]:  # fewer players than states
            law = self._law(t, s.ravel(), seen[b, s].reshape(s.size, -1), heat)
            law = law.reshape(*s.shape, -1)
        else:
            every = np.tile(np.arange(game.num_observations), env.num_envs)
            law = self._law(t, every, seen.reshape(len(every), -1), heat)
            law = law.reshape(seen.shape)[b, s]
        a = drawn(law, Draws.of(env).uniform(s.shape[1]))
        reward = env.step(a).reward
        s2 = game.observed[env.state].astype(np.int64)
        self.seen = mean_actions.of_players(game, self.learner.neighbours, a, env.state)
        last, ahead = env.over, self.seen[b, s2]
        clock = 0 if game.horizon is None else t
        after = clock if last or game.horizon is None else t + 1
        return Replay(
            s.ravel(), np.full(s.size, clock), seen[b, s].reshape(s.size, -1),
            a.ravel().astype(np.int64),
            ((reward - self.unit.zero) / self.unit.deviation).astype(np.float32).ravel(),
            s2.ravel(), np.full(s.size, after), ahead.reshape(s.size, -1),
            np.full(s.size, not last, np.float32),
        )  # fmt: skip

    def _law(self, t: int, s: Array, others: Array, heat: float) -> Array:
        """Return what is done in observed states (R,), given mean actions (R, A): (R, A)."""
        clock = 0 if self.game.horizon is None else t
        rows, times = torch.from_numpy(s), torch.full((len(s),), clock)
        nets = self._nets(self.targets)
        scores = self.learner.scores(nets, rows, times, torch.from_numpy(others), heat)
        law = nets.log_law(scores, rows).numpy().astype(np.float64)
        law = np.where(self.legal.numpy()[s], np.exp(law), 0.0)
        return law / law.sum(-1, keepdims=True)

    def train(self, heat: float, rate: float, draw: np.random.Generator) -> None:
        """Descend ``num_updates`` times, each on some of the transitions."""
        learner = self.learner
        with one_thread():
            for _ in range(learner.num_updates):
                rows = draw.integers(len(self.replay.state), size=learner.batch_size)
                batch = Batch(*map(torch.from_numpy, self.replay.drawn(rows)))
                weights = self.adam.weights.clone().requires_grad_()
                targets = self._nets(self.targets)
                learner.loss(self._nets(weights), targets, batch, heat).backward()
                assert weights.grad is not None
                self.adam = self.adam.descended(weights.grad, rate)
                self.targets = self.targets.lerp(self.adam.weights, learner.averaging)

    def _nets(self, weights: Tensor) -> Nets:
        return Nets(self.shapes, weights, self.legal, self.game.discount)

    def iterate(self, k: int, samples: int) -> Iterate:
        """Return what there is now, and what infinitely many players do by it."""
        game, heat = self.game, self.learner.heat(max(k, 1))
        every = np.arange(game.num_observations)
        nets = self._nets(self.targets)
        with torch.no_grad(), one_thread():
            limit = mean_actions.along(
                game, self.learner.neighbours, lambda t, seen: self._law(t, every, seen, heat)
            )
            T = 1 if game.horizon is None else game.horizon
            s, t = np.tile(every, T), np.repeat(np.arange(T), len(every))
            others = torch.from_numpy(limit.known.reshape(len(s), -1))
            q = nets(0, torch.from_numpy(s), torch.from_numpy(t), others).numpy()
        values = self.unit.values(game, q.reshape(limit.policy.shape))
        memory = {
            "weights": self.adam.weights.numpy().copy(),
            "moments": self.adam.moments.numpy().copy(),
            "targets": self.targets.numpy().copy(),
            "steps": np.array(self.adam.steps),
            "unit": np.array(self.unit),
            "seen": self.seen,
            "unrest": np.array(limit.unrest),
            **self.replay.memory(),
            **{f"game_{name}": part for name, part in snapshot(self.env).items()},
        }
        return Iterate(k, samples, limit.policy, limit.laws, values, memory)
