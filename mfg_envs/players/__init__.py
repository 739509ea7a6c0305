"""What a player sees, and how it acts on it: observers, trained models, functions, mixtures."""
