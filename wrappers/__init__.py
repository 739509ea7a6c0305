"""From one environment to another: one wrapper, one file."""
