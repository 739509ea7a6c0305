"""Models of Stable-Baselines3: as a learner of runs, and read from their files without their code."""
