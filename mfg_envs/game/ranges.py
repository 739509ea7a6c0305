"""Ranges of parameters, said where a parameter is declared: ``jam_density: Positive = 3.0``.

A range is a part of the annotation, and any range can be one::

    num_cells: Annotated[int, Between(2, 10**6)] = 50
    dynamics: Annotated[str, OneOf("cell", "position")] = "cell"
    contact: tuple[Probability, ...] = (0.0, 1.0)      each of them
    time_step: Positive | None = None                  or none is given

``check_parameters`` holds every value against it; ``mfg-envs show`` and the pages of games and
learners print it.  A range that reads another field stands in ``__post_init__``: ``check_range``.
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np

MOST = 200
"""Characters of a value in an error."""


class Between(NamedTuple):
    """The numbers from ``low`` to ``high``.

    Attributes:
        low: The least.
        high: The greatest.
        ends: Brackets of the interval: a round one leaves its bound out.
    """

    low: float = -np.inf
    high: float = np.inf
    ends: str = "[]"

    def __str__(self) -> str:
        if self.high < np.inf:
            return f"in {self.ends[0]}{self.low}, {self.high}{self.ends[1]}"
        if self.ends[0] == "[":
            return f"at least {self.low}"
        return f"above {self.low}" if self.low else "positive"

    def check(self, name: str, value: Any, given: str = "") -> None:
        """Raise a ValueError unless a number is in it; ``given`` says where a bound is from."""
        above = self.low <= value if self.ends[0] == "[" else self.low < value
        below = value <= self.high if self.ends[1] == "]" else value < self.high
        if not (above and below):
            why = f" ({given})" if given else ""
            raise ValueError(f"{name} must be {self}, got {shown(value)}{why}")


class OneOf:
    """A few values, each of its own kind."""

    def __init__(self, *choices: Any) -> None:
        self.choices = choices

    def __str__(self) -> str:
        return f"one of {', '.join(map(repr, self.choices))}"

    def check(self, name: str, value: Any) -> None:
        """Raise a ValueError unless a value is one of them, and of its kind."""
        if not any(isinstance(value, type(one)) and value == one for one in self.choices):
            raise ValueError(f"{name} must be {self}, got {shown(value)}")


Positive = Annotated[float, Between(0, ends="(]")]
"""A number above 0."""
NonNegative = Annotated[float, Between(0)]
"""A number of at least 0."""
Probability = Annotated[float, Between(0, 1)]
"""A number in [0, 1]: a chance, a share, the size of a step towards something."""
DISCOUNT = Between(0, 1, "(]")
Discount = Annotated[float, DISCOUNT]
"""The weight of the next step."""
Count = Annotated[int, Between(1)]
"""A whole number of at least 1."""


def check_range(name: str, value: float, low: float, high: float = np.inf, given: str = "") -> None:
    """Raise a ValueError unless ``low <= value <= high``; ``given`` says where a bound is from."""
    Between(low, high).check(name, value, given)


def check_choice(name: str, value: Any, choices: Any) -> None:
    """Raise a ValueError unless ``value`` is one of ``choices``, and of its kind."""
    OneOf(*choices).check(name, value)


def shown(value: Any) -> str:
    """Return a value for an error: never long, whatever it is."""
    try:
        text = str(value) if isinstance(value, int | float | np.number) else repr(value)
    except Exception:  # a whole number of too many digits, an object that cannot say what it is
        text = f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= MOST else f"{text[:MOST]}..."
