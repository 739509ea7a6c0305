"""Fictitious play with one average policy, Algorithm 2 of arXiv 2510.22158."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Count, Positive
from mfg_envs.game.horizons import decisions

from .deep_fictitious_play import Memory, Seeds, SimpleFictitiousPlay
from .network_policies import NetworkPolicy, UniformPolicy, features, to_scaled
from .trajectories import trajectories

if TYPE_CHECKING:
    from .response import Crowd


@dataclass(frozen=True, kw_only=True)
class AveragePolicyFictitiousPlay(SimpleFictitiousPlay):
    """Fictitious play whose average is one Gaussian network (Algorithm 2).

    Attributes:
        triples: What a response did (time, state, action) is learned from so many times.
        reservoir: Triples that are kept of all; None: all of them.
        clone_steps: Gradient steps of the average policy per response.
        clone_batch: Triples of a gradient step.
        clone_learning_rate: At first; it falls to a tenth.
    """

    triples: Count = 10_000
    reservoir: Count | None = None
    clone_steps: Count = 1_000
    clone_batch: Count = 512
    clone_learning_rate: Positive = 1e-3

    @property
    def _squash(self) -> bool:
        return False

    @property
    def _greedy(self) -> bool:
        return False

    def _play(self, game: ContinuousGame, memory: Memory, seed: int) -> Any:
        if not memory["policy"].size:
            return UniformPolicy(game, seed)
        return NetworkPolicy(game, memory["policy"][None], self.hidden, seed=seed)

    def _average(
        self, game: ContinuousGame, response: Array, crowd: Crowd, memory: Memory, of: Seeds
    ) -> None:
        from .clone import clone, reservoir

        num, seed = -(-self.triples // decisions(game)), of("play")
        policy = self._responses(game, response[None], seed)
        done = trajectories(game, policy, num, mean_fields=crowd(0), seed=seed)
        seen = np.concatenate([features(game, t, x[None])[0] for t, x in enumerate(done.state)])
        actions = to_scaled(game, done.action).reshape(len(seen), -1).astype(np.float32)
        before = int(memory.get("came", np.int64(0)))
        kept = memory.get("seen", seen[:0]), memory.get("actions", actions[:0])
        size = before + len(seen) if self.reservoir is None else self.reservoir
        rows = reservoir(kept, before, (seen, actions), size, of("reservoir"))
        fitted = clone(
            game,
            *rows,
            hidden=self.hidden,
            steps=self.clone_steps,
            batch=self.clone_batch,
            learning_rate=self.clone_learning_rate,
            start=memory["policy"] if before else None,
            device=self.device,
            seed=of("clone"),
        )
        memory |= {"seen": rows[0], "actions": rows[1], "came": np.int64(before + len(seen))}
        memory |= {"policy": fitted.weights, "nll": np.float64(fitted.nll)}
