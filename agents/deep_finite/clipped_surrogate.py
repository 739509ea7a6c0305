"""The PyTorch half of ``MeanFieldPPO``: its loss, on players at all decisions at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mfg_envs.game import Array

from ..independent.stacked_networks import Networks
from .timed_networks import TimedNetworks

if TYPE_CHECKING:
    from .mean_field_ppo import MeanFieldPPO


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
    learner: MeanFieldPPO, networks: TimedNetworks, rollout: Rollout, k: int, key: np.uint64
) -> None:
    """Let all networks descend the loss of the k-th iteration (arXiv 1707.06347, eq. 9)."""
    generator = torch.Generator().manual_seed(int(key >> np.uint64(1)))
    device, (T, M), S = networks.device, rollout.state.shape, len(networks.seen)
    whole = min(learner.batch, M) >= S
    state, action = (torch.from_numpy(p.astype(np.int64)).to(device) for p in rollout[:2])
    log_before, gain, target = (
        torch.from_numpy(p.astype(np.float32)).to(device) for p in rollout[2:]
    )

    def loss(nets: Networks) -> Tensor:
        some = torch.arange(M)
        if learner.batch < M:
            some = torch.randint(M, (learner.batch,), generator=generator)
        some = some.to(device)
        x = state[:, some]
        # Where there are more players than states, networks look at every state once.
        seen = networks.seen.expand(T, *networks.seen.shape) if whole else networks.seen[x]
        legal = networks.legal if whole else networks.legal[x]
        logs = nets.policy(seen).masked_fill(~legal, -torch.inf).log_softmax(-1)
        value = nets.value(seen)
        if whole:
            logs = logs.gather(1, x[..., None].expand(-1, -1, logs.shape[-1]))
            value = value.gather(1, x)
        ratio = (logs.gather(-1, action[:, some, None])[..., 0] - log_before[:, some]).exp()
        clipped = ratio.clamp(1 - learner.clip, 1 + learner.clip)
        surrogate = torch.minimum(ratio * gain[:, some], clipped * gain[:, some])
        error = (value - target[:, some]) ** 2
        entropy = -(logs.exp() * logs.masked_fill(logs.isinf(), 0.0)).sum(-1)
        each = learner.value_weight * error - surrogate - learner.entropy_weight * entropy
        return each.mean(1).sum()

    rate = learner.learning_rate / (1 + learner.cooling * k)
    networks.fit(slice(None), loss, learner.updates, rate)
