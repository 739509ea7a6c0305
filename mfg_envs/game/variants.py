"""Variants of a game: classes of one name, of which a parameter of ``make`` picks one.

A class says by a keyword what picks it, and the rest is here::

    class RingRoad(Road, reward="min"): ...
    class AdditiveRingRoad(RingRoad, reward="additive"): ...

    RingRoad.make(reward="additive", num_cells=20)      # an AdditiveRingRoad
    RingRoad.make(num_cells=20)                         # a RingRoad

The variants of a game are the classes in its file that have its ``name`` and such a keyword.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mfg_envs.game.ranges import check_choice

if TYPE_CHECKING:
    from typing_extensions import Self

_families: dict[tuple[str, str], dict[str, dict[Any, Any]]] = {}
"""File and name of a game -> parameter -> value -> class."""


class Variants:
    """Builds a game, or the variant of it that parameters ask for."""

    name: ClassVar[str]
    choice: ClassVar[Mapping[str, Any]] = {}
    """The parameter and the value that pick this class; none where a game has one class."""

    def __init_subclass__(cls, **choice: Any) -> None:
        super().__init_subclass__()
        cls.choice = choice
        for parameter, value in choice.items():
            known = cls.variants()
            other = known.get(parameter, {}).get(value, cls)
            if {*known, parameter} != {parameter} or other.__qualname__ != cls.__qualname__:
                raise TypeError(
                    f"{cls.__name__}({parameter}={value!r}): one parameter picks the variants of"
                    f" {cls.name!r}, and each of its values one class; known: {known}"
                )
            family = _families.setdefault((cls.__module__, cls.name), {})
            family.setdefault(parameter, {})[value] = cls

    @classmethod
    def variants(cls) -> Mapping[str, Mapping[Any, Any]]:
        """Return what picks a class, beside the fields of each: parameter -> value -> class."""
        return _families.get((cls.__module__, cls.name), {})

    @classmethod
    def variant(cls, parameters: Mapping[str, Any]) -> type[Self]:
        """Return the class that parameters pick; this one if they pick none.

        Raises:
            ValueError: If there is no such variant; lists those there are.
        """
        for name, choices in cls.variants().items():
            if name in parameters:
                check_choice(name, parameters[name], choices)
                return choices[parameters[name]]
        return cls

    @classmethod
    def make(cls, **parameters: Any) -> Self:
        """Build the game, or a variant of it, from keyword parameters."""
        fields = {k: v for k, v in parameters.items() if k not in cls.variants()}
        return cls.variant(parameters)(**fields)
