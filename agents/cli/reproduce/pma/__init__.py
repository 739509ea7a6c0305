"""Policy mirror ascent."""
