"""Among N players: everybody learns from what N players do, by tables or by networks."""
