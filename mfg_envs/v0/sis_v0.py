"""SIS epidemic as PettingZoo environments; see ``mfg_envs.games.sis``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("sis")
