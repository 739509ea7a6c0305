"""Networks for finite games: a small one for every decision, looked at in every private state.

What a player does may depend on the time in any way, so every decision has networks of its own;
in a stationary game there is one decision.  All have the same shape, and their weights lie side by
side, so that several decisions are one batched product (see ``independent.stacked_networks``).  A
network sees the private state: as a one-hot vector, or as its coordinates z in [-1, 1] together
with ``sin(pi j z)`` and ``cos(pi j z)``, j = 1, ..., ``waves``, without which a network learns fine
structure slowly (Tancik et al. 2020, arXiv 2006.10739).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics.memory import check_memory
from mfg_envs.soundness.finite import coordinates

from ..independent.stacked_networks import Networks, Shape, descend, first_weights
from ..runs.torch_state import device_of, one_thread

CHUNK = 1 << 15
"""States looked at together."""
FALL = 0.9
"""By how much of itself the learning rate falls within a fit: the last steps settle it."""


class TimedNetworks:
    """Networks of all decisions, and the optimiser's memory of each.

    A network has two halves, ``preferences`` over actions and a ``value``, which share nothing.

    Args:
        game: The game.
        one_hot: Whether a network sees one number a state; else coordinates and waves.
        waves: Wave numbers of each coordinate.
        hidden: Widths of the hidden layers.
        device: Of PyTorch.

    Attributes:
        seen: What is seen in every private state, (S, D).
        legal: Legal actions, bool (S, A).
        decisions: Number of networks: the horizon, or 1.
    """

    def __init__(
        self, game: FiniteGame, one_hot: bool, waves: int, hidden: tuple[int, ...], device: str
    ) -> None:
        self.device = torch.device(device_of(device))
        self.seen = torch.from_numpy(_seen(game, one_hot, waves)).to(self.device)
        self.legal = torch.from_numpy(np.array(game.legal_actions)).to(self.device)
        self.decisions = game.horizon or 1
        self.shape = Shape(self.seen.shape[1], hidden, game.num_actions, True)
        check_memory(self.decisions, 12 * sum(self.shape.parts), "horizon * weights of networks")

    def begin(self, seed: int) -> dict[str, Array]:
        """Return random weights (T, P), the moments (2, T, P) and steps (T,) of their optimiser."""
        generator = torch.Generator().manual_seed(seed)
        with one_thread():
            weights = first_weights(self.shape, self.decisions, generator).numpy()
        steps = np.zeros(self.decisions, np.int64)
        return {"weights": weights, "moments": np.zeros((2, *weights.shape), "f4"), "steps": steps}

    def load(self, memory: Mapping[str, Array]) -> None:
        """Take weights, moments and steps from what ``begin`` or ``save`` returned."""
        self._weights, self._moments = (
            torch.from_numpy(np.array(memory[name])).to(self.device)
            for name in ("weights", "moments")
        )
        self._steps = np.array(memory["steps"])

    def save(self) -> dict[str, Array]:
        """Return weights, moments and steps, as new arrays."""
        weights, moments = (part.cpu().numpy().copy() for part in (self._weights, self._moments))
        return {"weights": weights, "moments": moments, "steps": self._steps.copy()}

    def fit(
        self, part: slice, loss: Callable[[Networks], Tensor], updates: int, learning_rate: float
    ) -> None:
        """Let the networks of some decisions descend a loss by Adam.

        Args:
            part: Decisions, all with as many steps behind them.
            loss: The sum of the losses of these networks, drawn anew at every call if it is random.
            updates: Steps.
            learning_rate: At first; it falls evenly to a tenth.
        """
        weights, moments = self._weights[part], self._moments[:, part]
        before = int(self._steps[part][0])
        with one_thread():
            for i in range(updates):
                weights = weights.detach().requires_grad_()
                (gradient,) = torch.autograd.grad(loss(Networks.of(self.shape, weights)), weights)
                rate = learning_rate * (1 - FALL * i / updates)
                weights = descend(weights.detach(), gradient, moments, before + i + 1, rate)
        self._weights[part], self._steps[part] = weights, before + updates

    def rows(self, states: Array) -> Tensor:
        """Return what is seen in private states, (n, R) -> (n, R, D)."""
        return self.seen[torch.from_numpy(states.astype(np.int64)).to(self.device)]

    def preferences(self, part: slice) -> Array:
        """Return the preferences of some decisions in all private states, float64 (n, S, A)."""
        return self._everywhere(part, Networks.policy)

    def values(self, part: slice) -> Array:
        """Return the values of some decisions in all private states, float64 (n, S)."""
        return self._everywhere(part, Networks.value)

    def _everywhere(self, part: slice, look: Callable[[Networks, Tensor], Tensor]) -> Array:
        networks = Networks.of(self.shape, self._weights[part])
        count = len(networks.parts[0])
        with torch.no_grad(), one_thread():
            pieces = [
                look(networks, some.expand(count, *some.shape)).cpu()
                for some in self.seen.split(max(1, CHUNK // count))
            ]
        return torch.cat(pieces, 1).numpy().astype(np.float64)


def _seen(game: FiniteGame, one_hot: bool, waves: int) -> Array:
    """Return what is seen in every private state, float32 (S, D)."""
    count = game.num_states
    if one_hot:
        check_memory(count, 4 * count, 'num_states squared, with observe="index"')
        return np.eye(count, dtype=np.float32)
    z = coordinates(game, "coordinates", count)
    check_memory(count, 4 * z.shape[1] * (1 + 2 * waves), "num_states * features")
    turns = np.pi * np.arange(1, waves + 1) * z[..., None]
    waving = np.stack([np.sin(turns), np.cos(turns)]).transpose(1, 2, 3, 0)
    return np.concatenate([z, waving.reshape(count, -1)], 1).astype(np.float32)
