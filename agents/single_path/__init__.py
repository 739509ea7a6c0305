"""Learners from one trajectory of one player: QM iteration, SemiSGD."""
