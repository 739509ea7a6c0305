"""Dynamic routing on a road network for PettingZoo; see ``mfg_envs.games.roads.routing``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("routing")
