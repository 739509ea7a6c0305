"""Team games: one global agent and any number of exchangeable locals."""
