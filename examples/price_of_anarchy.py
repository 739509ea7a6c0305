"""How much longer does a trip through a city take because every driver is selfish?"""

from agents import FrankWolfe, run
from mfg_envs import make_game, metrics

for network in ("pigou", "braess", "sioux_falls"):
    game = make_game("routing_cycle", cost="bpr", network=network)
    cost = []
    for played in (game, metrics.altruistic(game)):  # as they are; charged for what others lose
        last = run(FrankWolfe(iterations=200), played, metrics={}, progress=False).last
        cost.append(metrics.travel_cost(game, last.mean_field))
    ratio = metrics.price_of_anarchy(-cost[0], -cost[1])
    print(f"{network:12} selfish {cost[0]:.3f}, best for all {cost[1]:.3f}: {ratio:.3f} times")
