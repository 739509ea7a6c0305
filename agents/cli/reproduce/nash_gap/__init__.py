"""Nash gaps of N players."""
