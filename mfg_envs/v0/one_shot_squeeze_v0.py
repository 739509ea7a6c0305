"""The one-shot squeeze for PettingZoo; see ``mfg_envs.games.teams.gaussian_squeeze``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("one_shot_squeeze")
