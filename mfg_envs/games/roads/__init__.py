"""Road networks, TNTP files, and the two games of routing."""
