"""Left or right as PettingZoo environments; see ``mfg_envs.games.left_right``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("left_right")
