"""What does one of N players gain by leaving a mean-field equilibrium?"""

from agents import OnlineMirrorDescent, run
from mfg_envs import exact, make_game, metrics

game = make_game("crowd_modelling")
policy = run(OnlineMirrorDescent(iterations=300), game, metrics={}, progress=False).last.policy
print(f"among infinitely many: {exact.exploitability(game, policy):.4f}")
for num_agents in (10, 100, 1_000):
    found = metrics.nash_gap(game, policy, num_agents)
    low, high = found.interval
    print(f"N = {num_agents:>5,}: {found.gap:.3f}, with 95 % between {low:.3f} and {high:.3f}")
