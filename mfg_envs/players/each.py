"""Players who follow a policy each, and one of them who leaves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics import random
from mfg_envs.players.policy import Draws, Policy


class Members(NamedTuple):
    """Some players of a ``BatchEnv``, as a policy that only they follow is asked.

    Attributes:
        batch: All players.
        who: Their numbers, (K,).
        seen: What all players see, by the parts of it: looked up, and kept for other policies.
    """

    batch: Any
    who: Array
    seen: dict[tuple[str, ...], Array]

    @property
    def game(self) -> Any:
        return self.batch.game

    @property
    def t(self) -> int:
        return self.batch.t

    @property
    def num_agents(self) -> int:
        return len(self.who)

    @property
    def keys(self) -> Array:
        return _own_keys(self.batch.keys, self.who)

    @property
    def state(self) -> Array:
        return self.batch.state[:, self.who]

    @property
    def mean_field(self) -> Array:
        return self.batch.mean_field

    def look(self, observer: Any) -> Array:
        """Return what an observer sees of these players now, (B, K, ...)."""
        if observer.parts not in self.seen:
            self.seen[observer.parts] = self.batch.look(observer)
        return self.seen[observer.parts][:, self.who]


@dataclass(frozen=True, eq=False)
class Each(Policy):
    """One policy a player; players with the same object for a policy are asked together.

    If everybody has the same, players do what they do when that policy is played by itself.

    Attributes:
        policies: Of every player, N >= 1.
    """

    policies: tuple[Policy, ...]

    @cached_property
    def groups(self) -> list[Array]:
        """Numbers of the players who follow the same policy, for every policy."""
        found: dict[int, list[int]] = {}
        for i, policy in enumerate(self.policies):
            found.setdefault(id(policy), []).append(i)
        return [np.array(who) for who in found.values()]

    @property
    def reads_crowd(self) -> bool:
        return any(self.policies[who[0]].reads_crowd for who in self.groups)

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Array:
        if len(self.groups) == 1:
            return np.asarray(self.policies[0].act(t, x, draws, m))
        kept = draws.kept

        def ask(policy: Policy, who: Array) -> Any:
            whole = None if kept is None else _own_keys(kept, who)
            own = Draws(_own_keys(draws.keys, who), draws.t, whole)
            return policy.act(t, x[:, who], own, m)

        return self._joined(x.shape[1], ask)

    def actions(self, batch: Any) -> Array:
        if len(self.groups) == 1:
            return np.asarray(self.policies[0].actions(batch))
        seen: dict[tuple[str, ...], Array] = {}
        return self._joined(
            batch.num_agents, lambda policy, who: policy.actions(Members(batch, who, seen))
        )

    def _joined(self, num_agents: int, ask: Callable[[Policy, Array], Any]) -> Array:
        """Return what all players do, given what those of each policy do."""
        if num_agents != len(self.policies):
            raise ValueError(
                f"there are policies of {len(self.policies)} players, {num_agents} play"
            )
        parts = [np.asarray(ask(self.policies[who[0]], who)) for who in self.groups]
        shape = (len(parts[0]), num_agents, *parts[0].shape[2:])
        out = np.empty(shape, np.result_type(*parts))
        for who, part in zip(self.groups, parts, strict=True):
            out[:, who] = part
        return out


@dataclass(frozen=True, eq=False)
class OneDeviates(Policy):
    """All players do what they do, and one of them something else.

    What it draws is what it draws among players who follow a policy of their own each; all others
    draw what they draw when it stays.

    Attributes:
        policy: What all follow.
        player: Number of the one who deviates.
        deviation: What it follows.
    """

    policy: Policy
    player: int
    deviation: Policy

    def act(self, t: int, x: Array, draws: Draws, m: Array | None = None) -> Array:
        i = np.array([self.player])
        whole = None if draws.kept is None else _own_keys(draws.kept, i)
        own = Draws(_own_keys(draws.keys, i), draws.t, whole)
        return self._with(self.policy.act(t, x, draws, m), self.deviation.act(t, x[:, i], own, m))

    def actions(self, batch: Any) -> Array:
        own = self.deviation.actions(Members(batch, np.array([self.player]), {}))
        return self._with(self.policy.actions(batch), own)

    def _with(self, all_do: Any, it_does: Any) -> Array:
        kept, new = np.asarray(all_do), np.asarray(it_does)
        out = kept.astype(np.result_type(kept, new))
        out[:, self.player] = new[:, 0]
        return out


def _own_keys(keys: Array, who: Array) -> Array:
    """Return the keys of players who share a policy that others do not follow."""
    return random.subkey(keys, random.LEARNER, int(who[0]))
