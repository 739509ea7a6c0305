"""Learners that know the game: exact model, no samples."""
