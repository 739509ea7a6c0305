"""Every exact solver on every finite game."""
