"""One check for every view that steps all agents at once."""

from __future__ import annotations

from typing import Any

from pettingzoo import ParallelEnv


def check_parallel(env: Any) -> None:
    """Refuse what is no PettingZoo ``ParallelEnv``.

    Raises:
        TypeError: If it is something else; an AEC environment can be converted.
    """
    if not isinstance(env, ParallelEnv):
        raise TypeError(
            f"env must be a PettingZoo ParallelEnv, got {type(env).__name__}: an AEC environment"
            " becomes one by pettingzoo.utils.conversions.aec_to_parallel"
        )
