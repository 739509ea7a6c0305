"""Dispatcher: serve the zone where most locals are; they persist, and drift to the dispatcher.

The dispatcher goes where it wants in one step, the locals hardly move.  Whoever judges the crowd
by a few of them leaves the zone where it gathers: the value of what is learned from k of n locals
grows with k.

A task in the setting of Anand, Karmarkar, Qu (arXiv 2412.00661), with the rewards of the zones in
the authors' public code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np

from mfg_envs.game import Array, Between, Layout, Probability, TeamGame, check_range


@dataclass(frozen=True, kw_only=True)
class Dispatcher(TeamGame):
    """Zones on a ring; the dispatcher names the zone where it will be next.

    States of both kinds: the zone.  Global action: the target zone, ``s_g' = a_g``.
    Noise of a local: it stays (probability ``persistence``), goes astray to the next or the
    previous zone (``stray``, half each), or else goes its way.  Its way is one zone towards the
    dispatcher (none if it is there, ahead if both ways are as far) and its only action; with
    ``steered`` locals it is chosen: stay 0, ahead 1, back 2.
    First zones: uniform.  Global reward: 1.
    Local reward: 10 in the dispatcher's zone, else ``2 / (1 + distance on the ring)``.

    Attributes:
        num_zones: Zones on the ring, Z.
        persistence: Chance that a local stays.
        stray: Chance that it goes astray; at most 1 together with ``persistence``.
        steered: Whether the locals choose their way.
        discount: Weight of the next step; below 1 without a horizon.

    Raises:
        ValueError: If a parameter is out of its range.
    """

    name: ClassVar[str] = "dispatcher"
    solution: ClassVar[str] = (
        "A dispatcher that never leaves its zone gathers 9/17 of the locals there, and earns "
        "116.7386 with infinitely many of them (default parameters)."
    )

    num_zones: Annotated[int, Between(2, 1000)] = 5
    persistence: Probability = 0.8
    stray: Probability = 0.1
    steered: bool = False
    discount: float = 0.95

    def __post_init__(self) -> None:
        super().__post_init__()
        both = f"persistence = {self.persistence}, stray = {self.stray}"
        check_range("persistence + stray", self.persistence + self.stray, 0, 1, both)

    @property
    def num_global_states(self) -> int:
        return self.num_zones

    @property
    def num_global_actions(self) -> int:
        return self.num_zones

    @property
    def num_local_states(self) -> int:
        return self.num_zones

    @property
    def num_local_actions(self) -> int:
        return 3 if self.steered else 1

    @cached_property
    def way(self) -> Array:
        """Zones ahead on a local's way for every number of zones to the dispatcher, (Z, A)."""
        gap = np.arange(self.num_zones)
        towards = np.where(gap == 0, 0, np.where(gap <= self.num_zones // 2, 1, -1))
        return np.tile([0, 1, -1], (self.num_zones, 1)) if self.steered else towards[:, None]

    def noise_law_local(self, x, x_g, a):
        go = max(1 - self.persistence - self.stray, 0.0)
        return self.persistence, go, self.stray / 2, self.stray / 2

    def step_global(self, x_g, a_g, w_g):
        return a_g

    def step_local(self, x, x_g, a, w):
        way = self.way[(x_g - x) % self.num_zones, a]
        ahead = np.where(w == 1, way, np.where(w == 2, 1, np.where(w == 3, -1, 0)))
        return (x + ahead) % self.num_zones

    def reward_global(self, x_g, a_g, m):
        return 1.0 + 0.0 * x_g

    def reward_local(self, x, x_g, a):
        gap = (x_g - x) % self.num_zones
        distance = np.minimum(gap, self.num_zones - gap)
        return np.where(distance == 0, 10.0, 2.0 / (1.0 + distance))

    def global_coordinates(self, x_g: Array) -> Array:
        angle = 2 * np.pi * np.asarray(x_g) / self.num_zones
        return np.stack([np.cos(angle), np.sin(angle)], -1)

    def local_coordinates(self, x: Array) -> Array:
        return self.global_coordinates(x)

    def layout(self, x_g: int) -> Layout:
        names = [f"zone {zone}" for zone in range(self.num_zones)]
        names[x_g] += ", dispatcher"
        return Layout("few", "", np.zeros(self.num_local_actions), labels=tuple(names))

    def global_words(self, x_g: int) -> str:
        return f"dispatcher in zone {x_g}"
