"""What a team game is: one global agent, n exchangeable local ones, and one reward for all.

The global agent and the locals move and earn by rules that are written once::

    x_g' = step_global(x_g, a_g, w_g)        w_g ~ noise_law_global(x_g, a_g)
    x_i' = step_local(x_i, x_g, a_i, w_i)    w_i ~ noise_law_local(x_i, x_g, a_i)
    r    = reward_global(x_g, a_g, m) + (1/n) sum_i reward_local(x_i, x_g, a_i)

Everybody earns ``r``: the aim is the largest sum of ``discount^t r``, no equilibrium.  States and
actions are finite.  Locals that differ carry their type as a fixed part of their state.

Locals meet through the global agent.  Two rules may also read the crowd itself, as a mean field:
``reward_global`` may read ``m``, the share of the locals in each (state, action), for a team that
is paid for what its locals do together; and a global state that is a function of the locals'
states is said by ``global_from_locals``.

The methods are *elementwise*, as those of ``mfg_envs.game`` are: x_g, a_g, w_g have shape
(*batch); x, a, w have shape (*batch, n), and x_g comes to them as (*batch, 1).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from mfg_envs.game.finite import REQUIRED, Array
from mfg_envs.game.histograms import shares
from mfg_envs.game.layout import Layout
from mfg_envs.game.parameters import check_clock, check_parameters
from mfg_envs.game.reads import reads_crowd
from mfg_envs.game.variants import Variants

if TYPE_CHECKING:
    from mfg_envs.game.ranges import Count, Discount


class TeamGame(Variants, ABC):
    """A cooperative game of one global agent and any number of exchangeable local agents.

    Subclasses are frozen keyword-only dataclasses.

    Attributes:
        discount: Weight of the next step's reward; below 1 without a horizon.
        horizon: Number of decisions T, or None: no end.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    discount: Discount
    horizon: Count | None = None
    name: ClassVar[str] = "team_game"
    """What the game is called in the registry, in environments and in saved results."""
    kind: ClassVar[str] = "team"
    """What kind of game it is; see ``Game``."""
    solution: ClassVar[str] = ""
    """What is known of the best that a team can do, in words; empty: nothing is."""

    def __post_init__(self) -> None:
        """Check every parameter against its declared range, as ``Game`` does."""
        check_parameters(self)
        check_clock(self)

    num_global_states: int | Any = REQUIRED
    """Number of states of the global agent, S_g."""
    num_global_actions: int | Any = REQUIRED
    """Number of actions of the global agent, A_g."""
    num_local_states: int | Any = REQUIRED
    """Number of states of a local agent, S."""
    num_local_actions: int | Any = REQUIRED
    """Number of actions of a local agent, A."""

    @property
    def initial_global_law(self) -> Array:
        """Law of the first global state, (S_g,); uniform.  Unused if it follows the locals."""
        return np.full(self.num_global_states, 1 / self.num_global_states)

    @property
    def initial_local_law(self) -> Array:
        """Law of the first state of each local, (S,); uniform."""
        return np.full(self.num_local_states, 1 / self.num_local_states)

    def noise_law_global(self, x_g: Any, a_g: Any) -> Any:
        """Return the law of the global agent's noise (default: one outcome)."""
        return (1.0,)

    def noise_law_local(self, x: Any, x_g: Any, a: Any) -> Any:
        """Return the law of a local's noise (default: one outcome)."""
        return (1.0,)

    def step_global(self, x_g: Any, a_g: Any, w_g: Any) -> Any:
        """Return the next global states (default: they stay)."""
        return x_g

    @abstractmethod
    def step_local(self, x: Any, x_g: Any, a: Any, w: Any) -> Any:
        """Return the next states of locals; ``x_g`` is the global state before the step."""

    @abstractmethod
    def reward_global(self, x_g: Any, a_g: Any, m: Any) -> Any:
        """Return the global part of the reward; ``m`` is the joint law (*batch, S, A)."""

    @abstractmethod
    def reward_local(self, x: Any, x_g: Any, a: Any) -> Any:
        """Return each local's part of the reward, before the mean over the locals."""

    def global_from_locals(self, m: Any) -> Any:
        """Return the global states that go with shares of locals in each state, (*batch, S).

        A game that overrides this has no ``step_global``: the locals move, then the global state
        is read off them.  Shares of n locals carry rounding errors of 1e-15.

        Raises:
            NotImplementedError: If the game does not override this, see ``global_follows``.
        """
        raise NotImplementedError(
            f"the global state of {self.name} moves by itself: ask noise_law_global, step_global"
        )

    @property
    def global_follows(self) -> bool:
        """Whether the global state is a function of the locals' states."""
        return type(self).global_from_locals is not TeamGame.global_from_locals

    @cached_property
    def reward_reads_crowd(self) -> bool:
        """Whether ``reward_global`` reads ``m``; found out by running it."""
        pairs = np.indices((self.num_global_states, self.num_global_actions), np.int64)
        return reads_crowd(self.reward_global, *pairs)

    def global_coordinates(self, x_g: Array) -> Array:
        """Return features of global states scaled to [-1, 1], float (*inner, D)."""
        return (2.0 * x_g / max(self.num_global_states - 1, 1) - 1)[..., None]

    def local_coordinates(self, x: Array) -> Array:
        """Return features of local states scaled to [-1, 1], float (*inner, D)."""
        return (2.0 * x / max(self.num_local_states - 1, 1) - 1)[..., None]

    def layout(self, x_g: int) -> Layout | None:
        """Return how to draw the locals beside a global state, or None: not drawn."""
        if self.num_local_states > 30:
            return None
        names = tuple(f"state {x}" for x in range(self.num_local_states))
        return Layout("few", "action", np.arange(self.num_local_actions), labels=names)

    def global_words(self, x_g: int) -> str:
        """Return what a picture says of the global agent."""
        return f"global state {x_g}"

    def mean_field(self, x: Array, a: Array | None = None) -> Array:
        """Return the share of locals in each state, or in each (state, action).

        Args:
            x: Local states, int (*batch, n).
            a: Actions, int (*batch, n), or None.

        Returns:
            Histogram, float (*batch, S) or (*batch, S, A); sums to one.
        """
        shape = (self.num_local_states,)
        index = np.asarray(x, np.int64)
        if a is not None:
            shape = (*shape, self.num_local_actions)
            index = index * self.num_local_actions + a
        return shares(index, int(np.prod(shape))).reshape(*index.shape[:-1], *shape)
