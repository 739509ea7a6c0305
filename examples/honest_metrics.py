"""Fictitious play looks converged: by which measures is it?"""

from agents import FictitiousPlay, OnlineMirrorDescent, run
from mfg_envs import exact, make_game, metrics

game = make_game("crowd_modelling")
known = exact.flow(game, run(OnlineMirrorDescent(iterations=300), game, every=300).last.policy)
asked = {
    "gain in the infinite crowd": lambda g, i: exact.exploitability(g, i.policy),
    "with 0.1 times entropy": lambda g, i: metrics.regularised_exploitability(g, i.policy, 0.1),
    "gain of one of 100 players": lambda g, i: metrics.nash_gap(g, i.policy, 100).gap,
    "W1 to the equilibrium": lambda g, i: metrics.flow_distance(g, i.mean_field, known).max(),
    "what everybody earns": lambda g, i: metrics.welfare(g, i.policy),
}
result = run(FictitiousPlay(iterations=100), game, metrics=asked, every=50)
print(f"{'after iteration':28}" + "".join(f"{k:>10}" for k in result.iterations))
for name, row in result.metrics.items():
    print(f"{name:28}" + "".join(f"{value:10.4f}" for value in row))
