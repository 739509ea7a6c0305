"""Beach bar as PettingZoo environments; see ``mfg_envs.games.beach_bar_grid``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("beach_bar_grid")
