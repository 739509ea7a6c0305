"""Numbers: counter-based draws, elementary functions, the compiler and its cache, memory."""
