"""Random streams of a deep copy: it has those of its original, and would play the same games."""

from __future__ import annotations

import gc
import random
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType)
"""What a deep copy has in common with its original, and everybody else."""


def renew(env: Any) -> None:
    """Give every random generator inside an environment a new state from the operating system.

    Environments and wrappers that do not hand a seed on are reached as well, and the generators
    of spaces that are sampled from.

    Args:
        env: A deep copy: what it refers to is its own.
    """
    met, ahead = set(), [env]
    while ahead:
        thing = ahead.pop()
        if id(thing) in met or isinstance(thing, SHARED):
            continue
        met.add(id(thing))
        if isinstance(thing, np.random.BitGenerator):
            thing.state = type(thing)().state
        elif isinstance(thing, np.random.RandomState | random.Random):
            thing.seed()
        else:
            ahead += gc.get_referents(thing)
