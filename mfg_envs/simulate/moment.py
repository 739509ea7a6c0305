"""What a simulator holds between two steps, and gives out so that nobody can change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from mfg_envs.game import Array


def sealed(array: Array) -> Array:
    """Return a view of an array that is never written to again; it cannot be made writeable.

    That takes an array which owns its memory: else it is copied.
    """
    owner = array if array.base is None else array.copy("K")
    owner.setflags(write=False)
    return owner[:]


class Moment:
    """Private states, mean field and time of B populations or teams.

    States and mean fields are given out read-only: the step goes on from that very memory.  What
    is set is checked and copied.
    """

    KEPT: ClassVar[tuple[str, ...]] = ("_state", "_mean_field", "_going", "_over")
    """What is given out; a copy of the simulator seals it anew."""

    game: Any
    num_envs: int
    t: int
    _kernel: Callable[..., Any] | None
    _state: Array
    _mean_field: Array

    def _set_flags(self) -> None:
        """Make the two answers to whether the episodes are over, (B,)."""
        self._going = sealed(np.zeros(self.num_envs, bool))
        self._over = sealed(np.ones(self.num_envs, bool))

    @property
    def state(self) -> Array:
        """Private states now, read-only; set others to go on from them."""
        return self._given("_state")

    @state.setter
    def state(self, state: Array) -> None:
        self._state = sealed(self._checked_state(state))

    @property
    def mean_field(self) -> Array:
        """Mean fields met now, read-only; set others to go on from them."""
        return self._given("_mean_field")

    @mean_field.setter
    def mean_field(self, mean_field: Array) -> None:
        self._mean_field = sealed(self._checked_mean_field(mean_field))

    @property
    def keys(self) -> Array:
        """Keys that the random numbers of the episodes are drawn with, uint64 (B,)."""
        return self._given("_keys")

    @property
    def over(self) -> bool:
        """Whether the episode has ended."""
        return self.game.horizon is not None and self.t >= self.game.horizon

    @property
    def _done(self) -> Array:
        return self._over if self.over else self._going

    def _ready(self) -> None:
        """Raise a RuntimeError unless a step can be played."""
        if not hasattr(self, "_state"):
            raise RuntimeError("call reset() before the first step")
        if self.over:
            raise RuntimeError(f"the episode ended at t = {self.t}: call reset()")

    def _given(self, name: str) -> Array:
        try:
            return self.__dict__[name]
        except KeyError:
            what = name.strip("_")
            raise AttributeError(f"there is no {what} before the first reset()") from None

    def _checked_state(self, state: Any) -> Array:
        """Return a copy of private states that can be gone on from, or raise a ValueError."""
        raise NotImplementedError

    def _checked_mean_field(self, mean_field: Any) -> Array:
        """Return a copy of mean fields, or raise a ValueError."""
        m, tail = np.array(mean_field, np.float64), self._mean_field.shape[1:]
        if m.shape not in ((self.num_envs, *tail), (1, *tail)) or not np.isfinite(m).all():
            raise ValueError(
                f"mean_field must be finite numbers of shape {(self.num_envs, *tail)}, got shape"
                f" {m.shape}, numbers in [{m.min():.4g}, {m.max():.4g}]"
            )
        return m

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kernel": None}  # machine code stays with its process

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in self.KEPT:
            if name in state:
                self.__dict__[name] = sealed(state[name])


def checked_states(name: str, states: Any, shape: tuple[int, ...], num_states: int) -> Array:
    """Return a copy of states, int32 of this shape, or raise a ValueError."""
    x = np.asarray(states)
    if x.shape != shape or x.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be whole numbers of shape {shape}, got {x.dtype} of shape {x.shape}"
        )
    wrong = ~((x >= 0) & (x < num_states))
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        raise ValueError(f"{name}{list(place)} must be in [0, {num_states}), got {x[place]}")
    return x.astype(np.int32)
