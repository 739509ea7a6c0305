"""What a game is: states, actions, a law of motion and a reward; for games of your own, too.

A game file imports this room and ``numpy``, and nothing else of ours but numbers and other games.
"""

from mfg_envs.game.continuous import ContinuousGame
from mfg_envs.game.finite import Array, FiniteGame, Game, at
from mfg_envs.game.laws import Axis, Normal, Uniform
from mfg_envs.game.layout import Layout
from mfg_envs.game.parameters import (
    as_array,
    as_entries,
    as_float,
    as_floats,
    as_int,
    as_parameter,
    as_sequence,
    check_parameters,
)
from mfg_envs.game.ranges import (
    Between,
    Count,
    Discount,
    NonNegative,
    OneOf,
    Positive,
    Probability,
    check_choice,
    check_range,
    shown,
)
from mfg_envs.game.team import TeamGame
from mfg_envs.game.vectors import add, cell, clip, dot, each, linear, spread, subtract

__all__ = [
    "Array",
    "Axis",
    "Between",
    "ContinuousGame",
    "Count",
    "Discount",
    "FiniteGame",
    "Game",
    "Layout",
    "NonNegative",
    "Normal",
    "OneOf",
    "Positive",
    "Probability",
    "TeamGame",
    "Uniform",
    "add",
    "as_array",
    "as_entries",
    "as_float",
    "as_floats",
    "as_int",
    "as_parameter",
    "as_sequence",
    "at",
    "cell",
    "check_choice",
    "check_parameters",
    "check_range",
    "clip",
    "dot",
    "each",
    "linear",
    "shown",
    "spread",
    "subtract",
]
