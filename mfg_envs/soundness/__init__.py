"""The first look at a game: what would crash a compiled loop, or mislead, is named."""
