"""How a response is trained, and whom it meets; no PyTorch yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mfg_envs.game import Array

Crowd = Callable[[int], Array]
"""Mean fields (T, *mean_field_shape) that are met in an episode."""


class Training(NamedTuple):
    """How a response is trained; ``SimpleFictitiousPlay`` says what its fields mean."""

    response: str
    response_steps: int
    response_updates: int
    response_batch: int
    learning_rate: float
    entropy: float
    num_players: int
    hidden: tuple[int, ...]
    device: str
