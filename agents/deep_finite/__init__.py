"""Finite games and networks: what is learned is a network, scored exactly as the table it plays."""
