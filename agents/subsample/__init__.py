"""SUBSAMPLE-MFQ: teams that learn from k of their n locals."""
