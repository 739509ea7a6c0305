"""Two-bar coordination as PettingZoo environments; see ``mfg_envs.games.chains``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("two_bar_coordination")
