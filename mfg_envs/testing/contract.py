"""What contracts are checked with: an error that names the fault, and what every game must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array

ROUNDING = 1e-9
"""How far from one probabilities may sum, and two exact ways to one number may part."""


class ContractError(AssertionError):
    """Raised when what is checked breaks its contract: the fault, the place, the cure."""


class Clause(NamedTuple):
    """One thing that is checked of a game or a learner.

    Attributes:
        check: Raises a ContractError unless it holds; of a game it is given a ``Subject`` and a
            generator.
        words: What must hold, if the kind of game says it in other words than ``check`` does.
    """

    check: Callable[..., None]
    words: str = ""

    @property
    def name(self) -> str:
        """What the clause is called."""
        return self.check.__name__.replace("_", " ")

    @property
    def promise(self) -> str:
        """What must hold, in a sentence."""
        return self.words or (self.check.__doc__ or "").strip().split("\n")[0]

    def require(self, name: str, *given: Any) -> None:
        """Check it of what is called ``name``; ``given`` is what ``check`` takes.

        Raises:
            ContractError: If it does not hold, or fails in any other way while it is checked.
        """
        try:
            self.check(*given)
        except ContractError:
            raise
        except Exception as error:
            raise ContractError(
                f"{name} fails with {type(error).__name__}: {error}; this was being checked:"
                f" {self.promise.rstrip('.')}"
            ) from error


def require(condition: Any, fault: str) -> None:
    """Raise a ContractError with this sentence unless the condition holds."""
    if not condition:
        raise ContractError(fault)


def require_laws(name: str, laws: Array, place: Callable[[int], str]) -> None:
    """Require that every row of (rows, K) is a law; ``place`` words the number of a row."""
    i = int((laws >= 0).all(1).argmin())
    least = laws[i].min()  # NaN if there is one
    require(least >= 0, f"{name}{place(i)} holds {least}: probabilities must be at least 0")
    sums = laws.sum(1)
    i = int(np.abs(sums - 1).argmax())
    require(
        abs(sums[i] - 1) <= ROUNDING,
        f"{name}{place(i)} sums to {sums[i]:.12g}: it must sum to one, or mass is lost or made",
    )
