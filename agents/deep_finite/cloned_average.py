"""The PyTorch half of ``DeepFictitiousPlay``: an average network that does what was done."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mfg_envs.game import Array

from ..independent.stacked_networks import Networks
from .timed_networks import TimedNetworks


def clone(
    networks: TimedNetworks,
    states: Array,
    actions: Array,
    updates: int,
    learning_rate: float,
    batch: int,
    key: np.uint64,
) -> None:
    """Let all networks descend the negative log likelihood of actions.

    Args:
        networks: Of T decisions.
        states: Private states, int (T, R).
        actions: What was done there, int (T, R).
        updates: Gradient steps.
        learning_rate: At first; it falls to a tenth.
        batch: Entries of a gradient step at every decision.
        key: Of the order of entries.
    """
    generator = torch.Generator().manual_seed(int(key >> np.uint64(1)))
    x, a = (
        torch.from_numpy(part.astype(np.int64)).to(networks.device) for part in (states, actions)
    )
    size = x.shape[1]

    def loss(nets: Networks) -> Tensor:
        some = torch.arange(size)
        if batch < size:
            some = torch.randint(size, (batch,), generator=generator)
        some = some.to(networks.device)
        logs, _ = networks.at(nets, x[:, some])
        return -logs.gather(-1, a[:, some, None]).mean(1).sum()

    networks.fit(slice(None), loss, updates, learning_rate)
