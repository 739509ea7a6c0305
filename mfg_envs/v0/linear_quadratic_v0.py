"""Linear-quadratic game as PettingZoo environments; see ``mfg_envs.games.linear_quadratic``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("linear_quadratic")
