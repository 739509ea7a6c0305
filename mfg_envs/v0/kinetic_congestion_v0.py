"""Kinetic congestion as PettingZoo environments; see ``mfg_envs.games.kinetic_congestion``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("kinetic_congestion")
