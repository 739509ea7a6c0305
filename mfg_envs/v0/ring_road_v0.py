"""Ring road speed control as PettingZoo environments; see ``mfg_envs.games.ring_road``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("ring_road")
