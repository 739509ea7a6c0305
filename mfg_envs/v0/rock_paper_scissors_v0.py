"""Rock, paper, scissors as PettingZoo environments; see ``mfg_envs.games.rock_paper_scissors``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("rock_paper_scissors")
