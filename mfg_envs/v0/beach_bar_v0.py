"""Continuous beach bar as PettingZoo environments; see ``mfg_envs.games.beach_bar``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("beach_bar")
