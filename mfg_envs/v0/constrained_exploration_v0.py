"""Constrained exploration for PettingZoo; see ``mfg_envs.games.teams.constrained_exploration``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("constrained_exploration")
