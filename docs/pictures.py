"""Make the pictures of the README and the documents anew: ``python docs/pictures.py [NAME...]``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from agents import FixedPointIteration, OnlineMirrorDescent
from agents.figures import flow_animation, sample_players, write_gif
from mfg_envs import discretise, exact, make_game, policies
from mfg_envs.games.roads import Trips

IMAGES = Path(__file__).parent / "images"


def last(learner, game, seed=0):
    """Return the last iterate of a learner."""
    *_, iterate = learner.learn(game, seed)
    return iterate


def said(name: str, exploitability: float) -> None:
    """Say how good the policy of a picture is."""
    print(f"{name}: exploitability {exploitability:.2g}")


def ring_road(path: Path) -> None:
    """Vehicles that drive as in equilibrium, from an even start."""
    game = make_game("ring_road")
    policy = last(FixedPointIteration(iterations=50), game).policy
    said("ring road", exact.exploitability(game, policy))
    law, flow = game.initial_law, []
    for t in range(64):
        flow.append(game.crowd(law))
        law = exact.push_forward(game, t, law, policies.over_states(game, policy))
    players = sample_players(game, policy, 250, num_steps=len(flow))
    write_gif(path, flow_animation(game, np.array(flow), players), fps=12)


def routing(path: Path) -> None:
    """Travellers over Sioux Falls who spread over the ways as the short ones jam."""
    trips = Trips(((1, 20, 30000.0), (13, 7, 20000.0), (4, 24, 20000.0)))
    game = make_game(
        "routing", network="sioux_falls", trips=trips, departures=20, dt=1.0, horizon=90
    )
    policy = last(OnlineMirrorDescent(iterations=60, rate=0.3), game).policy
    said("routing", exact.exploitability(game, policy))
    flow = game.crowd(exact.flow(game, policy))
    going = flow[:, : game.num_links + 1].sum(1) > 0.02
    steps = int(np.flatnonzero(going)[-1]) + 2
    players = sample_players(game, policy, 300, num_steps=steps)
    write_gif(path, flow_animation(game, flow[:steps], players), fps=10)


def four_rooms(path: Path) -> None:
    """Walkers who spread out over four rooms at the equilibrium of mirror descent."""
    game = make_game("four_rooms_grid")
    policy = last(OnlineMirrorDescent(iterations=400, rate=0.1), game).policy
    said("four rooms", exact.exploitability(game, policy))
    players = sample_players(game, policy, 600)
    write_gif(path, flow_animation(game, game.crowd(exact.flow(game, policy)), players), fps=10)


def linear_quadratic(path: Path) -> None:
    """Players who are drawn to a target and to each other, and the exact equilibrium."""
    game = make_game("linear_quadratic")
    grid = discretise(game, num_states=201, num_actions=41, num_noise=40)
    policy = last(FixedPointIteration(iterations=6), grid).policy
    said("linear quadratic", exact.exploitability(grid, policy))
    players = sample_players(grid, policy, 5000)
    reference = exact.flow(grid, policy)
    write_gif(path, flow_animation(grid, players.mean_field, players, reference), fps=8)


PICTURES: dict[str, Callable[[Path], None]] = {
    "ring_road.gif": ring_road,
    "routing.gif": routing,
    "four_rooms.gif": four_rooms,
    "linear_quadratic.gif": linear_quadratic,
}


def main(names: list[str]) -> None:
    """Make the pictures of these names, or all."""
    IMAGES.mkdir(exist_ok=True)
    unknown = [name for name in names if name not in PICTURES]
    if unknown:
        raise SystemExit(f"no picture is called {unknown[0]}; there are {', '.join(PICTURES)}")
    for name in names or PICTURES:
        begun = time.perf_counter()
        PICTURES[name](IMAGES / name)
        size = (IMAGES / name).stat().st_size
        print(f"{name}: {size / 1000:.0f} kB, {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
