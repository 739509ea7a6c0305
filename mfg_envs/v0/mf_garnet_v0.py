"""Random mean-field games as PettingZoo environments; see ``mfg_envs.games.mf_garnet``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("mf_garnet")
