"""Follow the leader as PettingZoo environments; see ``mfg_envs.games.teams.follow_the_leader``."""

from mfg_envs.registry import environments

parallel_env, env, raw_env = environments("follow_the_leader")
