"""Dynamic routing as its steps get short: values by hand in continuous time."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from agents import FixedPointIteration
from mfg_envs import exact, policies
from mfg_envs.games.roads.networks import Network
from mfg_envs.games.roads.routing import Routing

BACK_END = "numba"

STEPS = (0.1, 0.05, 0.025, 0.0125, 0.00625)
LOGIT = 1 / (1 + np.exp(-0.5))  # .6225, what a softmax of two values .5 apart gives


def build(dt, horizon, **parameters):
    """Return a game without a word on steps that are coarse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return Routing(dt=dt, horizon=round(horizon / dt), **parameters)


def braess(dt, p, q):
    """Return Braess's game and the policy by which p turn to B at A and q to C at B."""
    game, choices = build(dt, 4.2), {1: [p, 1 - p], 2: [q, 1 - q], 3: [1, 0]}
    links = np.nonzero(game.ways.links)[1]
    nodes = game.road.nodes[np.append(game.ways.origin, game.road.ends[1][links])]
    rule = policies.uniform(game)[0]
    for row, node in enumerate(nodes.tolist()):
        if node in choices:
            rule[game.journey.row == row] = choices[node]
    return game, np.repeat(rule[None], game.horizon, 0)


def times(game, policy):
    """Return what is paid on average, and the mean time from setting out to arriving."""
    flow = exact.flow(game, policy)
    return -exact.value(game, flow, policy), game.step_length * (1 - flow[1:, -1]).sum()


def by_hand(p, q):
    """Return the mean travel time on Braess's network in continuous time.

    All set out at once.  Those to B get there after 1 + p, as 5 p cars make the time 1 + 5 p / 5;
    the others get to C after 2.  q of the first cross the bridge and get to C after p + 1.25.  If
    this is before 2, 5 p q cars make their time to D 1 + p q; they are still on the way at 2, so
    the others take 1 + p q + (1 - p).  If it is after 2, it is the other way round; and both take
    the longer time if they meet.
    """
    first, last = 1 + p * q, 1 + (1 - p)
    both = 1 + p * q + (1 - p)
    bridge = first if p < 0.75 else both
    outside = last if p > 0.75 else both
    return p * (1 - q) * (1 + p + 2) + p * q * (1.25 + p + bridge) + (1 - p) * (2 + outside)


def test_by_hand_is_what_was_worked_out_elsewhere():
    assert by_hand(LOGIT, LOGIT) == pytest.approx(3.535803, abs=5e-7)
    assert by_hand(0.6, 0.6) == pytest.approx(3.523600, abs=5e-7)
    assert by_hand(0.65, 0.6) == pytest.approx(3.541100, abs=5e-7)
    assert by_hand(0.75, 2 / 3) == 3.75


@pytest.mark.parametrize(
    ("p", "q", "longest"),
    [
        # Platoons count as one when they are less than two steps apart at C: |p - .75| < 2 dt and
        # a step for rounding.  From there on only the sums of floats are left.
        (LOGIT, LOGIT, 0.05),
        (0.6, 0.6, 0.05),
        (0.65, 0.6, 0.05),
        (0.617, 0.283, 0.05),
        (0.83, 0.41, 0.05),
        (0.7, 0.35, 0.025),
        (0.75, 2 / 3, 0.1),
    ],
)
def test_a_platoon_takes_the_time_by_hand(p, q, longest):
    for dt in STEPS:
        paid, arrival = times(*braess(dt, p, q))
        assert abs(paid - by_hand(p, q)) < (1e-12 if dt <= longest else 2 * dt), dt
        if dt <= longest:  # three links, each up to half a step longer or shorter
            assert abs(arrival - by_hand(p, q)) <= 1.5 * dt + 1e-12


@pytest.mark.parametrize("dt", [0.1, 0.07, 0.05, 0.04, 0.03, 0.0175, 0.0125])
def test_the_equilibrium_of_braess_is_that_of_any_step(dt):
    game, selfish = braess(dt, 0.75, 2 / 3)
    assert times(game, selfish)[0] == pytest.approx(3.75, abs=1e-12)
    assert exact.exploitability(game, selfish) == pytest.approx(0, abs=1e-12)
    optimal = braess(dt, 0.5, 0)[1]
    assert times(game, optimal)[0] == pytest.approx(3.5, abs=1e-12)


@pytest.mark.parametrize("dt", [0.1, 0.03])
def test_the_equilibrium_is_found_with_steps_that_do_not_fit(dt):
    game = build(dt, 4.2)
    learner = FixedPointIteration(iterations=100, step=1, decay=1)
    policy = list(learner.learn(game))[-1].policy
    assert times(game, policy)[0] == pytest.approx(3.75, abs=0.01)
    assert exact.exploitability(game, policy) < 0.005


def test_errors_shrink_as_fast_as_steps_when_travellers_set_out_evenly():
    """Two links in a row that jam, entered at the rate 1 from 0 to 1, take 3 on average.

    Who sets out at s meets s on the first link, as nobody leaves it before 1, and takes 1 + s / 2:
    .25 more than 1 on average.  It gets to the second one after those who set out earlier, at
    1 + 1.5 s; nobody leaves this before 2.6, when the last, at 2.5, is on it.  So it meets s
    there, too, and takes 1.6 + .3 s: 1.75 on average.
    """
    jams = {"free_time": (1, 1.6), "delay": (0.5, 0.3), "capacity": (1, 1), "power": (1, 1)}
    road = Network(name="row", tail=(1, 2), head=(2, 3), **jams)
    errors = []
    for dt in STEPS:
        departures = round(1 / dt)
        game = build(dt, 6, network=road, trips=((1, 3, 1.0),), departures=departures)
        errors.append(times(game, policies.uniform(game))[0] - 3)
    # Each meets who enters in the same step and the next one: at most 1.5 steps' travellers more.
    assert all(0 < error < 1.5 * (0.5 + 0.3) * dt for error, dt in zip(errors, STEPS, strict=True))
    slope = np.polyfit(np.log(STEPS), np.log(errors), 1)[0]
    assert slope == pytest.approx(1, abs=0.05)
