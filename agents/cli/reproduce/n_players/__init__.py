"""Learners among N players side by side, scored exactly."""
