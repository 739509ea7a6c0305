"""Constrained exploration for PettingZoo; see ``mfg_envs.games.teams.constrained_exploration``."""

from mfg_envs.registry import team_environments

parallel_env, env, raw_env = team_environments("constrained_exploration")
