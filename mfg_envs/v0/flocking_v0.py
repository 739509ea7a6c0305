"""Flocking as PettingZoo environments; see ``mfg_envs.games.flocking``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("flocking")
