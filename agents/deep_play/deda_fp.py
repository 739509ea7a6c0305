"""Fictitious play with an average policy and its density, Algorithm 3 of arXiv 2510.22158."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Count
from mfg_envs.game.horizons import decisions

from ..runs.iterate import Iterate
from .average_policy_fictitious_play import AveragePolicyFictitiousPlay
from .deep_fictitious_play import Memory, Seeds
from .trajectories import trajectories

if TYPE_CHECKING:
    from .response import Crowd


@dataclass(frozen=True, kw_only=True)
class DedaFP(AveragePolicyFictitiousPlay):
    """Density-enhanced deep average fictitious play (Algorithm 3).

    Attributes:
        trajectories: Simulated players of the average policy that the flow is fitted to.
        flow_steps: Gradient steps of the flow per response.
        flow_batch: States of a gradient step.
    """

    shortest: ClassVar[int] = 2  # at time 0 the law is known, there is nothing to fit

    trajectories: Count = 10_000
    flow_steps: Count = 500
    flow_batch: Count = 1_024

    def flow(self, game: ContinuousGame, iterate: Iterate) -> Any:
        """Return the density flow p(x | t) of the average policy, a ``DensityFlow``."""
        return self._flow(game, iterate.memory)

    def sample(
        self, game: ContinuousGame, iterate: Iterate, num_trajectories: int, seed: int = 0
    ) -> Array:
        """Return states drawn from the flow, all times and players at once, float64 (T, M, d).

        They follow the law of the average policy's players at every time; what is a player's at
        one time has nothing to do with what is at the same place at another.
        """
        times = np.arange(decisions(game))
        return self.flow(game, iterate).sample(times, num_trajectories, seed)

    def _flow(self, game: ContinuousGame, memory: Memory) -> Any:
        from .density_flow import DensityFlow

        flow = DensityFlow(game, device=self.device)
        flow.load(memory["flow"])
        return flow

    def _average(
        self, game: ContinuousGame, response: Array, crowd: Crowd, memory: Memory, of: Seeds
    ) -> None:
        from .density_flow import DensityFlow

        super()._average(game, response, crowd, memory, of)
        seed = of("players")
        players = trajectories(game, self._play(game, memory, seed), self.trajectories, seed=seed)
        first = "flow" not in memory
        flow = DensityFlow(game, device=self.device, seed=of("flow"))
        if not first:
            flow.load(memory["flow"])
        steps = (4 if first else 1) * self.flow_steps
        nll = flow.fit(players.state, steps=steps, batch=self.flow_batch, seed=of("flow"))
        memory |= {"flow": flow.weights, "flow_nll": np.float64(nll)}

    def _crowd(self, game: ContinuousGame, memory: Memory, of: Seeds) -> Crowd:
        if "flow" not in memory:
            return super()._crowd(game, memory, of)
        met = memory["mean_field"]
        return lambda episode: met

    def _mean_fields(self, game: ContinuousGame, memory: Memory, of: Seeds) -> Array:
        flow = self._flow(game, memory)
        if not game.mean_field_of_controls:
            return flow.mean_fields()
        seed, times = of("sample"), np.arange(decisions(game))
        policy, states = self._play(game, memory, seed), flow.sample(times, 10 * self.crowd, seed)
        return np.stack([policy(t, x[None])[0].mean(0) for t, x in enumerate(states)])
