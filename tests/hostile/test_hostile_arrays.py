"""Policies, mean fields and actions with every fault, on every view: named, or played as it is."""

from __future__ import annotations

import datetime
import warnings

import numpy as np
import pytest

from mfg_envs import BatchEnv, PopulationEnv, exact, make_game, metrics, policies, riccati


def put(array, value):
    """Return a copy with another number at the front."""
    copy = np.array(array, np.float64)
    copy.flat[0] = value
    return copy


FAULTS = {
    "nothing": lambda right: None,
    "a word": lambda right: "policy",
    "a number": lambda right: 1.0,
    "a function": lambda right: lambda: right,
    "an object": lambda right: object(),
    "a class": lambda right: int,
    "a mapping": lambda right: {0: right},
    "a set": lambda right: {0.5},
    "a generator": lambda right: (row for row in right),
    "empty": lambda right: np.empty(0),
    "no entries, right axes": lambda right: np.empty((0,) * right.ndim),
    "an axis more": lambda right: right[None],
    "an axis less": lambda right: right[0],
    "turned": lambda right: np.concatenate([right, right], -1),
    "a row short": lambda right: right[..., :-1],
    "ragged": lambda right: [[1.0], [0.5, 0.5]],
    "complex": lambda right: right + 1j,
    "words": lambda right: right.astype(str),
    "bytes": lambda right: right.astype("S8"),
    "objects": lambda right: right.astype(object),
    "dates": lambda right: np.full(right.shape, np.datetime64("2020-01-01")),
    "spans of time": lambda right: np.full(right.shape, datetime.timedelta(1), "m8[D]"),
    "masked": lambda right: np.ma.array(right, mask=right > 0),
    "not a number": lambda right: put(right, np.nan),
    "infinite": lambda right: put(right, np.inf),
    "huge": lambda right: put(right, 1e300),
    "below zero": lambda right: put(right, -1),
    "twice as much": lambda right: np.full(right.shape, 2.0) * right.shape[-1],
    "a half": lambda right: right + 0.5,
}
"""What is done to a right array."""

GAMES = {
    "endless": make_game("ring_road", num_cells=5, num_speeds=3),
    "finite": make_game("crowd_modelling", num_cells=5, horizon=3),
    "short": make_game("left_right", horizon=2),
}


def frozen(view):
    return lambda game, m: view(game).set_mean_field(m)


def batch(game):
    return BatchEnv(game, 2, 3, 0, mode="mean_field")


def population(game):
    env = PopulationEnv(game, 3, mode="mean_field")
    env.reset(seed=0)
    return env


def playing(game):
    env = BatchEnv(game, 2, 3, 0)
    env.reset()
    return env


TAKE_POLICY = {
    "policy_table": policies.policy_table,
    "exploitability": exact.exploitability,
    "law_met": exact.law_met,
    "action_values": lambda g, p: exact.action_values(g, met(g), p),
    "value": lambda g, p: exact.value(g, met(g), p),
    "welfare": metrics.welfare,
    "rollout": lambda g, p: playing(g).rollout(p, 2),
    "population of a batch": lambda g, p: batch(g).set_population_policy(p),
    "population": lambda g, p: population(g).set_population_policy(p),
}
TAKE_FLOW = {
    "best_response": exact.best_response,
    "action_values": exact.action_values,
    "mean fields": exact.mean_fields,
}
TAKE_CROWD = {
    "kernel": lambda g, m: exact.kernel(g, 0, policies.check_mean_field(g, m)),
    "batch": frozen(batch),
    "population": frozen(population),
}


def met(game):
    return exact.law_met(game, policies.uniform(game))


def crowd(game):
    shape = game.mean_field_shape
    return np.full(shape, 1 / np.prod(shape))


def refusal(call, game, array):
    """Return what is said of an array, or None where it was taken; warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            call(game, array)
        except (ValueError, TypeError) as error:
            return str(error)
    return None


ARRAYS = [
    *(("policy", take, call) for take, call in TAKE_POLICY.items()),
    *(("flow", take, call) for take, call in TAKE_FLOW.items()),
    *(("mean field", take, call) for take, call in TAKE_CROWD.items()),
]
RIGHT = {"policy": policies.uniform, "flow": met, "mean field": crowd}
WORDS = {
    "policy": ("policy",),
    "flow": ("flow",),
    "mean field": ("mean field", "mean_field", "a flow must"),
}


@pytest.mark.parametrize(("what", "take", "call"), ARRAYS)
@pytest.mark.parametrize("game", GAMES)
def test_right_arrays_are_taken(use, game, what, take, call):
    use("numpy")
    call(GAMES[game], RIGHT[what](GAMES[game]))


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_crowds_of_continuous_games_are_named(use, fault):
    """Means, densities, and the flows of closed forms."""
    use("numpy")
    means, cells = make_game("price_impact", horizon=2), make_game("beach_bar", bins=4, horizon=2)
    line = make_game("linear_quadratic", horizon=2, bound=None, action_bound=None)
    takes = (
        (means, np.zeros((2, 1)), batch(means).set_mean_field),
        (cells, np.ones((2, 4)), batch(cells).set_mean_field),
        (line, np.zeros((2, 1)), lambda flow: riccati.value(line, flow)),
    )
    for game, right, call in takes:
        call(right)
        if game is not cells and fault in ("huge", "below zero", "a half", "twice as much"):
            continue  # any finite mean will do
        if game is not line and fault == "an axis less":
            continue  # one mean field for all time
        said = refusal(lambda game, array, call=call: call(array), game, FAULTS[fault](right))
        assert said is not None, (game.name, fault)
        assert any(word in said for word in ("mean field", "mean_field", "flow", "density")), said


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_arrays_are_named(use, fault):
    use("numpy")
    k = list(FAULTS).index(fault)
    for taker in ARRAYS[k % 4 :: 4]:  # every array meets seven faults or more
        one(list(GAMES)[k % 3], taker, fault)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_faulty_array_is_named_everywhere(use, fault, backend):
    use(backend)
    for game in GAMES:
        for taker in ARRAYS:
            one(game, taker, fault)


def one(name, taker, fault):
    """A faulty array is refused by name; of None a best response is made where that is said."""
    what, take, call = taker
    game = GAMES[name]
    said = refusal(call, game, FAULTS[fault](RIGHT[what](game)))
    if fault == "nothing" and take in ("action_values", "value"):
        assert what == "flow" or said is None
        return
    assert said is not None, f"{fault} was taken"
    assert any(word in said for word in WORDS[what]), said
    assert len(said) < 1000
