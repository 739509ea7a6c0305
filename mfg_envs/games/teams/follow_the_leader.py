"""Follow the leader: a leader moves on a line, followers keep their formation around it.

Source: public code of the authors of "Mean-Field Sampling for Cooperative Multi-Agent
Reinforcement Learning" (arXiv 2412.00661).  One follower tells as much as all of them: learned
from k of n followers, the value of a policy hardly depends on k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Between, Layout, TeamGame


@dataclass(frozen=True, kw_only=True)
class FollowTheLeader(TeamGame):
    """Positions -L..L of the leader, -F..F of the followers; both choose a displacement.

    State x of the leader: position x - L, of a follower: x - F.  Actions: a displacement in the
    same range, numbered alike.
    Moves: ``s_g' = clip(s_g + a_g)``, ``s' = clip(s + a - s_g)``.  No noise.  First positions:
    uniform.
    Global reward: ``1 + (.2 if a_g = 0 else .1) + .1 |s_g|``.
    Local reward: ``max(.1, (1 - |s|) + (.5 - .1 |a|) + (.3 - .1 |s - s_g|)
    + .2 [|s - s_g| <= 1])``.

    Attributes:
        leader_reach: Farthest position of the leader, L.
        follower_reach: Farthest position of a follower, F.
        discount: Weight of the next step; below 1 without a horizon.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "follow_the_leader"

    leader_reach: Annotated[int, Between(1, 100)] = 2
    follower_reach: Annotated[int, Between(1, 50)] = 1
    discount: float = 0.9

    @property
    def num_global_states(self) -> int:
        return 2 * self.leader_reach + 1

    @property
    def num_global_actions(self) -> int:
        return 2 * self.leader_reach + 1

    @property
    def num_local_states(self) -> int:
        return 2 * self.follower_reach + 1

    @property
    def num_local_actions(self) -> int:
        return 2 * self.follower_reach + 1

    def step_global(self, x_g, a_g, w_g):
        ahead = x_g + a_g - self.leader_reach
        return np.minimum(np.maximum(ahead, 0), 2 * self.leader_reach)

    def step_local(self, x, x_g, a, w):
        ahead = x + a - self.follower_reach - (x_g - self.leader_reach)
        return np.minimum(np.maximum(ahead, 0), 2 * self.follower_reach)

    def reward_global(self, x_g, a_g, m):
        still = np.where(a_g == self.leader_reach, 0.2, 0.1)
        return 1.0 + still + 0.1 * np.abs(x_g - self.leader_reach)

    def reward_local(self, x, x_g, a):
        s, move = x - self.follower_reach, np.abs(a - self.follower_reach)
        gap = np.abs(s - (x_g - self.leader_reach))
        formation = (1 - np.abs(s)) + (0.5 - 0.1 * move)
        return np.maximum(0.1, formation + (0.3 - 0.1 * gap) + 0.2 * (gap <= 1))

    def layout(self, x_g: int) -> Layout | None:
        reach = self.follower_reach
        if reach > 14:
            return super().layout(x_g)
        names = tuple(f"at {x - reach}" for x in range(self.num_local_states))
        moves = np.arange(self.num_local_actions) - reach
        return Layout("few", "displacement", moves, labels=names)

    def global_words(self, x_g: int) -> str:
        return f"leader at {x_g - self.leader_reach}"
