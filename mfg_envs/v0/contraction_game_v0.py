"""Contraction game as PettingZoo environments; see ``mfg_envs.games.contraction_game``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("contraction_game")
