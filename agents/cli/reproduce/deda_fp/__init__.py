"""Deep fictitious play (DEDA-FP)."""
