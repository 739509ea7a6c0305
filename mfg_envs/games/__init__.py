"""The games, one file each; ``mfg_envs.make_game`` knows them by name."""
