"""Mean-field games as real multi-agent environments: one definition of a game, every view of it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, HOMES, TEAM_GAMES, make_game, register_ids

if TYPE_CHECKING:
    from mfg_envs import exact, metrics, policies, riccati
    from mfg_envs.environments.population import PopulationEnv
    from mfg_envs.environments.representative import RepresentativeEnv, RepresentativeVectorEnv
    from mfg_envs.environments.team import TeamEnv
    from mfg_envs.exact.discretise import discretise
    from mfg_envs.game import ContinuousGame, FiniteGame, TeamGame
    from mfg_envs.players.policy import Policy
    from mfg_envs.simulate.acting import as_policy, mixture
    from mfg_envs.simulate.batch import BatchEnv
    from mfg_envs.simulate.team import TeamBatchEnv
    from mfg_envs.testing import check_env, check_game
    from mfg_envs.v0 import *  # noqa: F403  all of them

__version__ = "0.1.0"
__all__ = [
    "CONTINUOUS_GAMES",
    "GAMES",
    "TEAM_GAMES",
    "BatchEnv",
    "ContinuousGame",
    "FiniteGame",
    "Policy",
    "PopulationEnv",
    "RepresentativeEnv",
    "RepresentativeVectorEnv",
    "TeamBatchEnv",
    "TeamEnv",
    "TeamGame",
    "as_policy",
    "check_env",
    "check_game",
    "discretise",
    "exact",
    "make_game",
    "metrics",
    "mixture",
    "policies",
    "riccati",
]

_HOMES = {
    "BatchEnv": "simulate.batch",
    "ContinuousGame": "game",
    "FiniteGame": "game",
    "Policy": "players.policy",
    "PopulationEnv": "environments.population",
    "RepresentativeEnv": "environments.representative",
    "RepresentativeVectorEnv": "environments.representative",
    "TeamBatchEnv": "simulate.team",
    "TeamEnv": "environments.team",
    "TeamGame": "game",
    "as_policy": "simulate.acting",
    "check_env": "testing",
    "check_game": "testing",
    "discretise": "exact.discretise",
    "mixture": "simulate.acting",
}
"""Public name -> module that has it."""
_MODULES = ("exact", "metrics", "policies", "riccati")

__path__.append(f"{__path__[0]}/v0")  # noqa: F405  import mfg_envs.ring_road_v0
register_ids()


def __getattr__(name: str) -> Any:
    """Import a public name at its first use: ``import mfg_envs`` stays quick."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"mfg_envs.{_HOMES[name]}"), name)
    if name in _MODULES or name.removesuffix("_v0") in HOMES:
        return importlib.import_module(f"mfg_envs.{name}")
    raise AttributeError(f"module 'mfg_envs' has no attribute {name!r}")
