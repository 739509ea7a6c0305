"""Policy mirror ascent among N players."""
