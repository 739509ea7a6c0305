"""Models of Stable-Baselines3: a learner of runs, and what reads files without their code."""
