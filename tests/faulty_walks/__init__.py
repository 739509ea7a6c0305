"""Finite games with one fault each, and the sentence that names it."""

from faulty_walks import facts, methods

FAULTS = [*methods.FAULTS, *facts.FAULTS]
