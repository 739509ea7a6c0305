"""The PyTorch half of ``MeanFieldPPO``: its loss, on players at all decisions at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mfg_envs.game import Array

from ..independent.stacked_networks import Networks
from .timed_networks import TimedNetworks


class Rollout(NamedTuple):
    """What players did at T decisions, each (T, M).

    Attributes:
        state: Private states.
        action: What each did there.
        log_probability: Of the action under the policy that was followed.
        advantage: Scaled to deviation 1.
        target: Of the value network.
    """

    state: Array
    action: Array
    log_probability: Array
    advantage: Array
    target: Array

    def by_decision(self, decisions: int) -> Rollout:
        """Return it with one row a network: all steps of a stationary game are alike."""
        return Rollout(*(part.reshape(decisions, -1) for part in self))


def improve_policy(
    learner: Any, networks: TimedNetworks, rollout: Rollout, k: int, key: np.uint64
) -> None:
    """Let all networks descend the loss of the k-th iteration (arXiv 1707.06347, eq. 9).

    Args:
        learner: The hyper-parameters, a ``MeanFieldPPO``.
        networks: Of T decisions.
        rollout: What was done at each.
        k: Of the iteration.
        key: Of the order of players.
    """
    generator = torch.Generator().manual_seed(int(key >> np.uint64(1)))
    device, M = networks.device, rollout.state.shape[1]
    state, action = (torch.from_numpy(p.astype(np.int64)).to(device) for p in rollout[:2])
    log_before, gain, target = (
        torch.from_numpy(p.astype(np.float32)).to(device) for p in rollout[2:]
    )

    def loss(nets: Networks) -> Tensor:
        some = torch.arange(M)
        if learner.batch < M:
            some = torch.randint(M, (learner.batch,), generator=generator)
        some = some.to(device)
        logs, value = networks.at(nets, state[:, some])
        ratio = (logs.gather(-1, action[:, some, None])[..., 0] - log_before[:, some]).exp()
        clipped = ratio.clamp(1 - learner.clip, 1 + learner.clip)
        surrogate = torch.minimum(ratio * gain[:, some], clipped * gain[:, some])
        error = (value - target[:, some]) ** 2
        entropy = -(logs.exp() * logs.masked_fill(logs.isinf(), 0.0)).sum(-1)
        each = learner.value_weight * error - surrogate - learner.entropy_weight * entropy
        return each.mean(1).sum()

    rate = learner.learning_rate / (1 + learner.cooling * k)
    networks.fit(slice(None), loss, learner.updates, rate)
