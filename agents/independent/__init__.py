"""One model a player: Stable-Baselines3 models, batched PPO."""
