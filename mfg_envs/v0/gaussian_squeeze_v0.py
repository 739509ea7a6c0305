"""The Gaussian squeeze for PettingZoo; see ``mfg_envs.games.teams.gaussian_squeeze``."""

from mfg_envs.registry import team_environments

parallel_env, env, raw_env = team_environments("gaussian_squeeze")
