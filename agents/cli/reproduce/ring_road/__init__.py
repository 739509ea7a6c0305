"""QM iteration on the ring road."""
