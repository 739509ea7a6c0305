"""No-interaction chain as PettingZoo environments; see ``mfg_envs.games.chains``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("no_interaction_chain")
