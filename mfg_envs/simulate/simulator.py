"""The simulator of a kind of game: what batches need of it, and nothing that is a batch's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from gymnasium import spaces

from mfg_envs.game import Array
from mfg_envs.numerics.compiler import backend
from mfg_envs.simulate.acting import Policy
from mfg_envs.simulate.results import Rollout


class Simulator(ABC):
    """How B populations or teams of n members move at once.

    States are what ``first`` gives: sealed, as all that a batch gives out (see ``moment``).

    Attributes:
        game: The game.
        compiled: Whether steps run in compiled code.
        member_bytes: Memory that a member takes.
    """

    game: Any
    compiled: bool
    member_bytes: int
    _kernel: Callable[..., Any] | None = None  # bound at the first step

    @abstractmethod
    def first(self, keys: Array, num_members: int) -> Any:
        """Return the first states of the episodes with these keys (B,)."""

    @abstractmethod
    def mean_field(self, state: Any) -> Array:
        """Return the mean fields of members who have not acted yet, (B, *mean_field_shape)."""

    @abstractmethod
    def checked_state(self, state: Any, shape: tuple[int, int]) -> Any:
        """Return a copy of states of (B, n) members, or raise a ValueError."""

    @abstractmethod
    def step(
        self, t: int, state: Any, actions: Any, mean_field: Array, keys: Array
    ) -> tuple[Any, Array, Array]:
        """Play checked actions.

        Returns:
            Next states, rewards, and mean fields after the step; with controls, those of it.  Of
            members that meet no other: nothing of use.

        Raises:
            ValueError: If an action or a result of the game's methods is invalid.
        """

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kernel": None}  # machine code stays with its process


class Crowd(Protocol):
    """The infinite population that representatives meet."""

    def met(self, t: int, law: Any) -> Array:
        """Return its mean field, (1, *mean_field_shape), given the law of its states."""
        ...

    def moved(self, t: int, law: Any) -> Any:
        """Return the law of its states one step after time t."""
        ...


class Frozen(NamedTuple):
    """A crowd whose mean fields are known.

    Attributes:
        flow: At every time, the last one for ever: (T or 1, *mean_field_shape).
    """

    flow: Array

    def met(self, t: int, law: Any) -> Array:
        return self.flow[[min(t, len(self.flow) - 1)]]

    def moved(self, t: int, law: Any) -> Any:
        return law


class PopulationSimulator(Simulator):
    """The simulator of populations in which everybody is a player.

    Args:
        game: The game.
        shared: Whether all players meet one given mean field, and not each other.
    """

    def __init__(self, game: Any, shared: bool = False) -> None:
        self.game, self.shared = game, shared
        self.compiled = backend() == "numba" and getattr(game, "compiles", True)

    @cached_property
    def constants(self) -> tuple[object, ...]:
        """What compiled steps read of the game beside their arguments; nothing for NumPy's.

        Raises:
            TypeError: If the methods of the game cannot be compiled; names what is in the way.
        """
        return self._constants() if self.compiled else ()

    @abstractmethod
    def _constants(self) -> tuple[object, ...]:
        """Return the tables and numbers of the game."""

    # --- what players see and do ---

    @abstractmethod
    def observer(self, parts: Sequence[str] | None) -> Any:
        """Return what turns states, time and mean fields into observations."""

    @abstractmethod
    def look(self, observer: Any, t: int, state: Array, mean_field: Array) -> Array:
        """Return what an observer sees of all players, (B, N, ...)."""

    @property
    @abstractmethod
    def action_space(self) -> spaces.Space[Any]:
        """Space of one player's actions."""

    @property
    @abstractmethod
    def field_space(self) -> spaces.Box:
        """Space of a mean field, flattened."""

    @abstractmethod
    def read(self, actions: Mapping[str, Any], agents: Sequence[str]) -> Array:
        """Return the actions of a dict in the order of the agents, (N, ...)."""

    @abstractmethod
    def checked_actions(self, actions: Any, shape: tuple[int, int]) -> Array:
        """Return actions of all players as ``step`` takes them, or raise a ValueError."""

    # --- the crowd that representatives meet ---

    @abstractmethod
    def law(self) -> Any:
        """Return the law of the first states of a crowd; None: no crowd needs it."""

    @abstractmethod
    def default_crowd(self) -> Crowd:
        """Return the crowd that is met until another one is set."""

    @abstractmethod
    def frozen(self, mean_field: Array) -> Frozen:
        """Return the crowd of a mean field or a flow, checked."""

    @abstractmethod
    def following(self, policy: Any) -> Crowd:
        """Return the crowd that follows a policy, checked."""

    # --- policies ---

    @abstractmethod
    def mean_reward(self, reward: Array) -> Array:
        """Return the mean over the players, (B, N) -> (B,)."""

    def whole_rollout(
        self, policy: Policy, num_steps: int, t: int, state: Array, mean_field: Array, keys: Array
    ) -> tuple[Array, Array, Rollout] | None:
        """Play many steps at once; None: they are to be played step by step.

        Args:
            policy: How players act.
            num_steps: Steps.
            t: Time.
            state: Private states then.
            mean_field: Mean fields met then.
            keys: Of the episodes.

        Returns:
            States and mean fields after the steps, and what was met and earned in them.
        """
        return None
