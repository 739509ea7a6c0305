"""The dispatcher task as PettingZoo environments; see ``mfg_envs.games.teams.dispatcher``."""

from mfg_envs.registry import team_environments

parallel_env, env, raw_env = team_environments("dispatcher")
