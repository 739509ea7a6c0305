"""Four rooms on a grid as PettingZoo environments; see ``mfg_envs.games.four_rooms_grid``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("four_rooms_grid")
