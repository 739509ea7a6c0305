"""N players as arrays: steps, observations, actions, policies that act; no environment yet."""
