"""Linear-quadratic crowd on a ring as PettingZoo environments; see ``mfg_envs.games.crowd_lq``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("crowd_lq")
