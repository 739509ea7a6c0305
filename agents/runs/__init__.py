"""Runs of learners: iterates, checkpoints, saved runs, progress."""
