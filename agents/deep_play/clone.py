"""The average policy: one Gaussian network fitted by maximum likelihood to what responses did."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mfg_envs.game import Array, ContinuousGame

from ..runs.torch_state import device_of, one_thread
from .network_policies import LOG_STD, Shape, gaussian_shape


class Clone(NamedTuple):
    """A fitted network.

    Attributes:
        weights: Flat, float32 (P,), see ``NetworkPolicy``.
        nll: Mean negative log likelihood of scaled actions over the last tenth of the steps.
    """

    weights: Array
    nll: float


def clone(
    game: ContinuousGame,
    seen: Array,
    actions: Array,
    *,
    hidden: tuple[int, ...],
    steps: int,
    batch: int,
    learning_rate: float,
    start: Array | None = None,
    device: str = "cpu",
    seed: int = 0,
) -> Clone:
    """Fit the law of actions given state and time.

    Args:
        game: The game.
        seen: Scaled states and times, float32 (M, d + 1), see ``network_policies.features``.
        actions: Scaled actions, float32 (M, k).
        hidden: Widths of the hidden layers.
        steps: Steps of Adam, whose learning rate falls to a tenth along a cosine.
        batch: Triples of a step.
        learning_rate: At first.
        start: A network to go on from; None: a new one.
        device: Of PyTorch.
        seed: Of the first network and of the batches.
    """
    shape = gaussian_shape(game, hidden)
    device = device_of(device)
    draw = torch.Generator().manual_seed(seed % 2**63)
    with one_thread():
        first = _first(shape, draw) if start is None else torch.from_numpy(start.copy())
        weights = first.to(device).requires_grad_()
        rows, done = (torch.from_numpy(v).to(device) for v in (seen, actions))
        adam = torch.optim.Adam([weights], lr=learning_rate, fused=True)
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps, learning_rate / 10)
        last: list[float] = []
        for i in range(steps):
            pick = torch.randint(len(rows), (batch,), generator=draw).to(device)
            loss = _nll(shape, weights, rows[pick], done[pick])
            adam.zero_grad()
            loss.backward()
            adam.step()
            falling.step()
            if i >= steps - max(1, steps // 10):
                last.append(loss.item())
    return Clone(weights.detach().cpu().numpy(), float(np.mean(last)))


def _nll(shape: Shape, weights: Tensor, rows: Tensor, actions: Tensor) -> Tensor:
    """Return the mean negative log likelihood of scaled actions."""
    out, begin = rows, 0
    for i, (n, m) in enumerate(shape.layers):
        middle, end = begin + n * m, begin + (n + 1) * m
        out = functional.linear(out, weights[begin:middle].view(n, m).T, weights[middle:end])
        out = torch.relu(out) if i + 1 < len(shape.layers) else out
        begin = end
    mean, log_std = out.chunk(2, -1)
    log_std = log_std.clamp(*LOG_STD)
    each = 0.5 * ((actions - mean) / log_std.exp()) ** 2 + log_std
    return each.sum(-1).mean() + actions.shape[1] * 0.5 * float(np.log(2 * np.pi))


def _first(shape: Shape, draw: torch.Generator) -> Tensor:
    """Draw a network as PyTorch's ``Linear`` does; its last layer is a hundredth of that."""
    parts = []
    for i, (n, m) in enumerate(shape.layers):
        width = n**-0.5 * (0.01 if i + 1 == len(shape.layers) else 1.0)
        parts += [width * (2 * torch.rand(k, generator=draw) - 1) for k in (n * m, m)]
    return torch.cat(parts)


def reservoir(
    kept: tuple[Array, Array], seen_before: int, fresh: tuple[Array, Array], size: int, seed: int
) -> tuple[Array, Array]:
    """Return ``size`` rows, each of all that ever came with the same probability (Vitter 1985).

    Args:
        kept: Rows kept so far, arrays with the same first axis.
        seen_before: Rows that came before the fresh ones.
        fresh: Rows that come now.
        size: Rows to keep at most.
        seed: Of the draws.
    """
    draw = np.random.default_rng(seed)
    room = max(0, size - len(kept[0]))
    out = tuple(np.concatenate([a, b[:room]]) for a, b in zip(kept, fresh, strict=True))
    late = np.arange(min(room, len(fresh[0])), len(fresh[0]))
    place = (draw.random(late.size) * (seen_before + late + 1)).astype(int)
    for i, where in zip(late[place < size], place[place < size], strict=True):
        for to, row in zip(out, fresh, strict=True):
            to[where] = row[i]
    return out[0], out[1]
