"""Routing for ever as PettingZoo environments; see ``mfg_envs.games.roads.routing_cycle``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("routing_cycle")
