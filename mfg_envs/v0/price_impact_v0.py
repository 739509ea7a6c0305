"""Price impact as PettingZoo environments; see ``mfg_envs.games.price_impact``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("price_impact")
