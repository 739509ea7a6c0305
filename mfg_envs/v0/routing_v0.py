"""Dynamic routing on a road network as PettingZoo environments; see ``mfg_envs.games.roads.routing``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("routing")
