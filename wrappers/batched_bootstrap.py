"""Stable-Baselines3's bootstrap at truncation, for all players in one forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

try:
    import torch
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
    from stable_baselines3.common.utils import obs_as_tensor
except ImportError as error:
    raise ImportError(
        'BatchedBootstrap needs Stable-Baselines3: pip install "mfg-envs[sb3]"'
    ) from error


class BatchedBootstrap(BaseCallback):
    """Add the discounted value of the last observation to the reward of every cut episode.

    Stable-Baselines3 does so with one forward pass a player; this callback does it with one for
    all, and takes the ``terminal_observation`` out of the infos so that it is not done twice.
    The buffer is the same but for the rounding of a batched product.  Algorithms that are not on
    policy bootstrap in their replay buffer; nothing is changed for them.
    """

    def _on_step(self) -> bool:
        if not isinstance(self.model, OnPolicyAlgorithm):
            return True
        infos, rewards = self.locals["infos"], self.locals["rewards"]
        cut = [
            i
            for i in np.flatnonzero(self.locals["dones"])
            if infos[i].get("TimeLimit.truncated")
            and infos[i].get("terminal_observation") is not None
        ]
        if cut:
            last = [infos[i]["terminal_observation"] for i in cut]
            stacked: Any = (
                {key: np.stack([one[key] for one in last]) for key in last[0]}
                if isinstance(last[0], dict)
                else np.stack(last)
            )
            with torch.no_grad():
                seen: Any = obs_as_tensor(stacked, self.model.device)
                value = self.model.policy.predict_values(seen)
            rewards[cut] += self.model.gamma * value.cpu().numpy()[:, 0]
            for i in cut:
                infos[i] = {k: v for k, v in infos[i].items() if k != "terminal_observation"}
        return True
