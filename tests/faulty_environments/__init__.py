"""Environments with one fault each, and the sentence that names it."""

from faulty_environments import episodes, results

FAULTS = [*results.FAULTS, *episodes.FAULTS]
