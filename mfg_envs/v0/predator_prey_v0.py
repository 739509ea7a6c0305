"""Predators and prey as PettingZoo environments; see ``mfg_envs.games.predator_prey``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("predator_prey")
