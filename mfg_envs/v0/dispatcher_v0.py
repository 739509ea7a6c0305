"""The dispatcher task as PettingZoo environments; see ``mfg_envs.games.teams.dispatcher``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("dispatcher")
