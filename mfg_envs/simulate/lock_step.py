"""B populations or teams in lock step: seeds, episodes, time, and the moment between two steps."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from mfg_envs.game import Array, as_int, check_range
from mfg_envs.numerics import random
from mfg_envs.numerics.memory import check_memory
from mfg_envs.simulate.moment import checked_fields, sealed
from mfg_envs.simulate.simulator import Simulator

S = TypeVar("S", bound=Simulator)
Told = TypeVar("Told")


class LockStep(ABC, Generic[S, Told]):
    """Episodes of B populations or teams that begin, move and end together.

    Population b plays exactly what a single one with seed ``seed + b`` plays, on every back end.
    States and mean fields are given out read-only: the step goes on from that very memory.  What
    is set is checked and copied.

    Args:
        simulator: Of the game.
        sizes: Names and values of the numbers of populations and of members of each.
        seed: Whole number >= 0; None: from the operating system.
        seen_bytes: Memory that what a member sees takes.
        field_bytes: Memory that the mean fields of a population take.

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is.
    """

    KEPT: ClassVar[tuple[str, ...]] = ("_state", "_mean_field", "_keys", "_going", "_over")
    """What is given out; a copy seals it anew."""

    t: int
    _state: Any
    _mean_field: Array
    _keys: Array

    def __init__(
        self,
        simulator: S,
        sizes: dict[str, int],
        seed: int | None,
        seen_bytes: int = 0,
        field_bytes: int = 0,
    ) -> None:
        numbers = [as_int(name, number) for name, number in sizes.items()]
        for name, number in zip(sizes, numbers, strict=True):
            check_range(name, number, 1)
        self.num_envs, num_members = self._shape = numbers[0], numbers[1]
        check_memory(self.num_envs, field_bytes, "num_envs")
        wide = simulator.member_bytes + seen_bytes
        check_memory(self.num_envs * num_members, wide, " * ".join(sizes))
        random.seed_key(0 if seed is None else seed)  # raises if it is no seed
        self.game, self._simulator = simulator.game, simulator
        self._end = np.inf if self.game.horizon is None else self.game.horizon
        self.t, self._seed, self._episode = 0, seed, 0
        self._going = sealed(np.zeros(self.num_envs, bool))
        self._over = sealed(np.ones(self.num_envs, bool))

    # --- episodes ---

    def reset(self, seed: int | None = None) -> Told:
        """Start the next episode of every population; with a seed, the first of that seed."""
        episode = self._episode if seed is None else 0
        seed = self._seed if seed is None else seed
        if seed is None:
            seed = int.from_bytes(os.urandom(8), "little") >> 1
        self._keys = self._keys_of(seed, episode)
        self._seed, self._episode = seed, episode + 1  # now that the seed is known to be one
        self.t = 0
        self._state = self._simulator.first(self._keys, self._shape[1])
        self._mean_field = sealed(self._first_field())
        return self._told(self._no_reward())

    def _keys_of(self, seed: int, episode: int) -> Array:
        """Return the keys of an episode, uint64 (B,)."""
        return sealed(random.subkey(random.seed_key(seed, np.arange(self.num_envs)), episode))

    def _advance(self, actions: Any) -> Array:
        """Play checked actions and return the rewards."""
        self._ready()
        self._state, reward, m = self._simulator.step(
            self.t, self._state, actions, self._mean_field, self._keys
        )
        self._mean_field, self.t = sealed(m), self.t + 1
        return reward

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return self.t >= self._end

    @property
    def _done(self) -> Array:
        return self._over if self.over else self._going

    def _ready(self) -> None:
        """Raise a RuntimeError unless a step can be played."""
        if not hasattr(self, "_state"):
            raise RuntimeError("call reset() before the first step")
        if self.over:
            raise RuntimeError(f"the episode ended at t = {self.t}: call reset()")

    # --- the moment ---

    @property
    def mean_field(self) -> Array:
        """Mean fields met now, read-only; set others to go on from them."""
        return self._given("mean_field")

    @mean_field.setter
    def mean_field(self, mean_field: Array) -> None:
        shape = self._mean_field.shape[1:]
        self._mean_field = checked_fields(mean_field, self.num_envs, shape)

    @property
    def keys(self) -> Array:
        """Keys that the random numbers of the episodes are drawn with, uint64 (B,), read-only."""
        return self._given("keys")

    @property
    def episode(self) -> tuple[int, int]:
        """Seed of the first population, and number of the episode since it was given, from 0."""
        if self._seed is None or not self._episode:
            raise AttributeError("there is no episode before the first reset()")
        return self._seed, self._episode - 1

    def _given(self, name: str) -> Any:
        try:
            return self.__dict__[f"_{name}"]
        except KeyError:
            raise AttributeError(f"there is no {name} before the first reset()") from None

    # --- what kinds of batches add ---

    def _first_field(self) -> Array:
        """Return the mean fields met when nobody has acted yet."""
        return self._simulator.mean_field(self._state)

    @abstractmethod
    def _no_reward(self) -> Array:
        """Return what is earned by a reset: zeros."""

    @abstractmethod
    def _told(self, reward: Array) -> Told:
        """Return what is known after a reset or a step."""

    # --- copies ---

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            if name in self.KEPT:
                value = tuple(map(sealed, value)) if isinstance(value, tuple) else sealed(value)
            setattr(self, name, value)
