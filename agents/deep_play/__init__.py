"""Deep fictitious play of continuous games, with networks."""
