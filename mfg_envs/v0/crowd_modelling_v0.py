"""Crowd modelling as PettingZoo environments; see ``mfg_envs.games.crowd_modelling``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("crowd_modelling")
