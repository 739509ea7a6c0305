"""Learners of mean-field equilibria: one algorithm, one file, one paper."""
