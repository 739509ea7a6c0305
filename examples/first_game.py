"""How far is everybody at a random speed from an equilibrium, and how far is the exact one?"""

from agents import FixedPointIteration, run
from mfg_envs import exact, make_game, policies

game = make_game("ring_road", num_cells=50, reward="min")
print(f"uniform speeds: exploitability {exact.exploitability(game, policies.uniform(game)):.2e}")

result = run(FixedPointIteration(iterations=50, step=2, decay=1), game, every=50)
print(f"equilibrium:    exploitability {result.metrics['exploitability'][-1]:.2e}")
print(f"densest cell:   {result.last.mean_field.max() * 50:.2f} times the average")
