"""What a mean-field game is: a law of motion and a reward, each written once.

A population of identical players moves by ``x' = step(t, x, a, m, w)`` with private noise
``w ~ noise_law(t, x, a, m)`` and earns ``reward(t, x, a, m)``.  The mean field ``m`` is the only
channel between players: with the histogram of N players this is the N-player game, with the
exact law of a player it is the mean-field game.  Environments, solvers, compiled loops and
pictures are derived from these three methods.

The methods are *elementwise*: plain arithmetic and NumPy functions (``np.where``, ``np.exp``,
``%``), fields of ``self``, constant arrays of ``self`` indexed by ``x`` or ``a``, and
``at(m, x)``.  The same source runs on arrays (NumPy) and, compiled, on scalars (numba)::

    x, a, w, reward   (*batch, *inner)   batch counts populations, inner counts players
    m                 (*batch, P)        P = num_places; (*batch, P, A) with controls

A game is stationary (``horizon`` None, ``discount`` < 1, no end) or has a finite horizon T:
decisions and rewards at ``t = 0..T-1`` and none at T.

Several populations are one population whose type is a fixed part of the private state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mfg_envs.game.histograms import shares
from mfg_envs.game.layout import Layout
from mfg_envs.game.parameters import check_clock, check_parameters
from mfg_envs.game.variants import Variants

if TYPE_CHECKING:
    from mfg_envs.game.ranges import Count, Discount

Array = NDArray[Any]


class Required:
    """Stands for what a game itself must say: in its class, in a field or by a property."""

    __isabstractmethod__ = True  # a game that does not say it cannot be built


REQUIRED: Any = Required()


class Game(Variants, ABC):
    """A symmetric game whose players meet only through their mean field.

    Subclasses are frozen keyword-only dataclasses.

    Attributes:
        horizon: Number of decisions T, at most 10^9, or None for a stationary game.
        discount: Weight of the next step's value; below 1 if stationary.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    horizon: Count | None
    discount: Discount
    name: ClassVar[str] = "game"
    """What the game is called in the registry, in environments and in saved results."""
    kind: ClassVar[str]
    """What kind of game it is: "finite", "continuous" or "team"."""
    solution: ClassVar[str] = ""
    """What is known of the solution of its mean-field limit, in words; empty: nothing is."""
    player_name: ClassVar[str] = "player"
    """What a player is called in PettingZoo: ``vehicle_0``."""
    mean_field_of_controls: ClassVar[bool] = False
    """Whether ``m`` is the joint law of (place, action) instead of the place's."""

    def __post_init__(self) -> None:
        """Check every parameter against its declared range; say ``super()`` to check more.

        Raises:
            ValueError: If a number is out of its range.
            TypeError: If a numeric parameter is not a number.
        """
        check_parameters(self)
        check_clock(self)

    def layout(self) -> Layout | None:
        """Return how to draw a population, or None: not drawn."""
        return None

    @abstractmethod
    def step(self, t: Any, x: Any, a: Any, m: Any, w: Any) -> Any:
        """Return the next private states."""

    @abstractmethod
    def noise_law(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        """Return the law of the private noise."""

    @abstractmethod
    def reward(self, t: Any, x: Any, a: Any, m: Any) -> Any:
        """Return the rewards of playing ``a`` in ``x`` at time ``t``."""


class FiniteGame(Game):
    """A game with S private states, A actions and K noise outcomes.

    ``noise_law`` returns the K probabilities as a tuple of elementwise expressions, or as an
    array with K on its last axis; the noise ``w`` is the index of the outcome.
    """

    kind: ClassVar[str] = "finite"
    compiles: ClassVar[bool] = True
    """Whether numba compiles the methods; False where they read more than numbers and arrays."""

    num_states: int | Any = REQUIRED
    """Number of private states, S."""
    num_actions: int | Any = REQUIRED
    """Number of actions, A."""
    initial_law: Array | Any = REQUIRED
    """Law of the first private state, shape (S,)."""

    @property
    def num_observations(self) -> int:
        """Number of observed states, O."""
        return self.num_states

    @property
    def num_places(self) -> int:
        """Number of places in which players count, P; the mean field is their histogram."""
        return self.num_observations

    @cached_property
    def legal_actions(self) -> Array:
        """Whether an action may be played in a private state, bool (S, A).

        Solvers and uniform policies use legal actions only.  Playing an illegal one wastes
        the step: the player stays where it is and earns the reward of that pair.
        """
        return np.ones((self.num_states, self.num_actions), bool)

    def observe(self, x: Any) -> Any:
        """Return the observed state in [0, O) of each private state (default: all of it)."""
        return x

    def place(self, x: Any) -> Any:
        """Return the place in [0, P) in which a player counts (default: its observed state)."""
        return self.observe(x)

    def coordinates(self, x: Array) -> Array:
        """Return features of private states scaled to [-1, 1], float (*inner, D)."""
        return (2.0 * self.observe(x) / max(self.num_observations - 1, 1) - 1)[..., None]

    def neighbours(self, x: Array) -> Array:
        """Return the observed states a player sees the crowd of, itself first: (*inner, L)."""
        return np.asarray(self.observe(x))[..., None]

    @cached_property
    def observed(self) -> Array:
        """Observed state of every private state, int (S,)."""
        return self._of_every_state(self.observe)

    @cached_property
    def places(self) -> Array:
        """Place of every private state, int (S,)."""
        return self._of_every_state(self.place)

    @cached_property
    def counts_what_is_observed(self) -> bool:
        """Whether the place of every private state is its observed state."""
        same = self.num_places == self.num_observations
        return same and np.array_equal(self.places, self.observed)

    def _of_every_state(self, look: Any) -> Array:
        index = np.broadcast_to(look(np.arange(self.num_states)), self.num_states)
        return index.astype(np.int32)

    @property
    def mean_field_shape(self) -> tuple[int, ...]:
        """Shape of one mean field: (P,), or (P, A) for a mean field of controls."""
        controls = (self.num_actions,) if self.mean_field_of_controls else ()
        return (self.num_places, *controls)

    def mean_field(self, x: Array, a: Array | None = None) -> Array:
        """Return the share of players in each place (and action).

        Args:
            x: Private states, int (*batch, N).
            a: Actions, int (*batch, N); needed for a mean field of controls only.

        Returns:
            Histogram, float (*batch, P) or (*batch, P, A); sums to one.
        """
        index = self.places[np.asarray(x)]
        if self.mean_field_of_controls:
            if a is None:
                raise ValueError("a mean field of controls needs the actions: mean_field(x, a)")
            index = index * self.num_actions + a
        share = shares(index, int(np.prod(self.mean_field_shape)))
        return share.reshape(*index.shape[:-1], *self.mean_field_shape)

    def crowd(self, law: Array) -> Array:
        """Return the mean field of an infinite population.

        Args:
            law: Law of private states, (*batch, S); with controls the joint law (*batch, S, A).

        Returns:
            Mean field, (*batch, P) or (*batch, P, A).
        """
        if self.num_places == self.num_states:
            return law
        axis = -2 if self.mean_field_of_controls else -1
        out = np.zeros((*law.shape[:axis], *self.mean_field_shape))
        np.add.at(np.moveaxis(out, axis, 0), self.places, np.moveaxis(law, axis, 0))
        return out

    def altruistic(self) -> FiniteGame | None:
        """Return this game with everybody charged for what others lose, or None: not known.

        ``metrics.altruistic`` finds the charges of any game with fixed moves.
        """
        return None


def at(m: Array, *index: Any) -> Any:
    """Return the mean field at each player's own place, population by population.

    Args:
        m: Mean fields, (*batch, *shape).
        index: One int array (*batch, *inner) for each axis of ``shape``.

    Returns:
        ``m[b, index[b, ...]]`` for every population b, shape (*batch, *inner).
    """
    depth = len(index)
    if m.ndim == depth:
        return m[index if depth > 1 else index[0]]
    batch, shape = m.shape[:-depth], m.shape[-depth:]
    flat = index[0]
    for size, i in zip(shape[1:], index[1:], strict=True):
        flat = flat * size + i
    flat = np.broadcast_to(flat, (*batch, *flat.shape[len(batch) :]))
    picked = np.take_along_axis(m.reshape(*batch, -1), flat.reshape(*batch, -1), -1)
    return picked.reshape(flat.shape)
