"""The objective of MF-OMO: zero in equilibria, a bound elsewhere, the right slopes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys.complete import EVERY

from agents import MFOMO
from agents.solvers.mfomo_objective import Weights, by_increments, evaluate, from_increments
from agents.solvers.occupation import law_of, occupation
from mfg_envs import exact, make_game, policies

WEIGHTS = Weights(3.0, 2.0, 1.5, 0.7)
FAST = ("epidemic", "market-stationary", "corridor", "garnet-stationary", "position-min")
COMPILED = [pytest.param(n, marks=() if n in FAST else pytest.mark.slow) for n in EVERY]
"""Every toy, those with all that a game may have in the fast suite: a compilation takes seconds."""
SEEDS = st.integers(0, 2**32 - 1)
few_and_many_seeds = pytest.mark.parametrize(
    "seeds",
    [range(5), pytest.param(range(5, 60), marks=pytest.mark.slow)],
    ids=["few", "many"],
)


@pytest.fixture(autouse=True)
def numpy(use):
    use("numpy")  # an evaluation is not worth a compilation


def objective(game, joint, v, weights, slack=0.0):
    """Return the three terms of f as the formulas say, with dense matrices.

    Args:
        game: The game.
        joint: Occupation measure, (T, S, A).
        v: Values, (T, S).
        weights: Of the terms.
        slack: Added to the best z, but not below 0.
    """
    T, S, A = joint.shape
    endless, legal = game.horizon is None, game.legal_actions
    moved, gaps = np.zeros((T + 1, S)), np.empty(joint.shape)
    moved[0] = game.initial_law
    for t in range(T):
        m = game.crowd(law_of(game, joint[t]))
        moves, r = exact.kernel(game, t, m), exact.rewards(game, t, m)
        dense = np.zeros((S, A, S))
        np.add.at(dense, (*np.indices(moves.next.shape)[:2], moves.next), moves.prob)
        moved[t + 1] = np.einsum("xa,xay->y", joint[t], dense)
        ahead = v[0] if endless else np.append(v, np.zeros((1, S)), 0)[t + 1]
        gaps[t] = (v[t][:, None] - r - game.discount * dense @ ahead) / weights.scale
    before, law = moved[1:] if endless else moved[:-1], joint.sum(-1)
    both = np.where(law + before > 0, law + before, 1)
    z = np.maximum(gaps - weights.c3 / (2 * weights.c2) * joint, 0)
    z = np.maximum(z + slack, 0)
    return np.array(
        [
            weights.c1 * ((law - before) ** 2 / both).sum(),
            weights.c2 * ((gaps - z)[:, legal] ** 2).sum(),
            weights.c3 * (z * joint)[:, legal].sum(),
        ]
    )


def certificate(game, parts, weights):
    """Return how exploitable the policy of L is at most, if L is its flow."""
    _, optimal, slack = parts
    steps = game.horizon or 1 / (1 - game.discount) ** 2
    root = np.sqrt(steps * optimal / weights.c2)
    share = 1 if game.horizon else 1 / (1 - game.discount)
    return weights.scale * (share * slack / weights.c3 + 2 * root)


def at_clock(game, table):
    """Return a table with a first axis for the time, which stationary games lack."""
    return table if game.horizon is not None else table[None]


def best_values(game, joint):
    law = law_of(game, joint if game.horizon is not None else joint[0])
    return at_clock(game, exact.state_values(game, exact.action_values(game, law)))


def flow_of(game, policy):
    return at_clock(game, occupation(game, policy if game.horizon is not None else policy[0]))


def measure_of(game, logits):
    masses = np.exp(logits) * game.legal_actions
    return masses / masses.sum((1, 2), keepdims=True)


def draw(game, seed, noise=1.0):
    """Return random logits, the best values against their flow, and these with noise."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(game.horizon or 1, game.num_states, game.num_actions))
    best = best_values(game, flow_of(game, policies.softmax(logits, game.legal_actions)))
    return logits, best, best + noise * rng.normal(size=best.shape)


def left_right():
    game = make_game("left_right")
    policy = policies.uniform(game)
    policy[0, 0] = [2 / 3, 1 / 3]
    return game, policy


def sis():
    # Known solution, see the game: the susceptible mix no contact and a quarter.
    game = make_game("sis")
    ill = 1 / (0.9 * 0.8 * (9 / (1 - 0.9 * 0.9)))
    quarter = 0.1 / (0.8 * (1 - ill)) / 0.25
    return game, np.array([[1 - quarter, quarter, 0, 0, 0], [0, 0, 0, 0, 1.0]])


def alone():
    game = make_game("no_interaction_chain")
    return game, exact.best_response(game, np.full(7, 1 / 7))


def even(name, **parameters):
    game = make_game(name, **parameters)
    return game, policies.uniform(game)


EQUILIBRIA = {
    "left_right": left_right,
    "sis": sis,
    "no_interaction_chain": alone,
    "rock_paper_scissors": lambda: even("rock_paper_scissors"),
    "rooms": lambda: even("four_rooms_grid", layout="11x11"),
    "contraction": lambda: (make_game("contraction_game"), np.eye(2)[[0, 0]]),
}


@pytest.mark.parametrize("name", EQUILIBRIA)
def test_the_objective_is_zero_in_known_equilibria_and_not_elsewhere(name):
    game, policy = EQUILIBRIA[name]()
    joint = at_clock(game, occupation(game, policy))
    v = best_values(game, joint)
    units = WEIGHTS._replace(scale=np.abs(v).max() or 1.0)
    # In these units gaps are rounding, 1e-14; the law has settled to 1e-12.
    assert evaluate(game, joint, None, v, units).parts.sum() < 1e-11
    weights = policies.uniform(game) * np.arange(1, game.num_actions + 1)
    joint = flow_of(game, at_clock(game, weights / weights.sum(-1, keepdims=True)))
    assert evaluate(game, joint, None, best_values(game, joint), units).parts.sum() > 1e-3


@few_and_many_seeds
def test_the_terms_are_those_of_the_formula(any_game, seeds):
    for seed in seeds:
        logits, _, v = draw(any_game, seed)
        joint = measure_of(any_game, logits)
        wanted = objective(any_game, joint, v, WEIGHTS)
        found = evaluate(any_game, joint, None, v, WEIGHTS).parts
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@given(seed=SEEDS, size=st.floats(1e-6, 10))
@settings(max_examples=10)
def test_no_other_slack_makes_the_objective_less(any_game, seed, size):
    logits, _, v = draw(any_game, seed)
    joint = measure_of(any_game, logits)
    slack = size * np.random.default_rng(seed).normal(size=joint.shape)
    best = objective(any_game, joint, v, WEIGHTS).sum()
    assert objective(any_game, joint, v, WEIGHTS, slack).sum() >= best * (1 - 1e-12)


@few_and_many_seeds
def test_nobody_gains_more_than_the_objective_says(any_game, seeds):
    for seed in seeds:
        logits, _, v = draw(any_game, seed, noise=(0, 1e-6, 0.1, 1, 10)[seed % 5])
        policy = policies.softmax(logits, any_game.legal_actions)
        parts = evaluate(any_game, flow_of(any_game, policy), None, v, WEIGHTS).parts
        # No more than the L1 distance of the law to its next one, which has settled to 1e-12.
        assert parts[0] <= 2e-12 * WEIGHTS.c1
        gain = exact.exploitability(any_game, policy if any_game.horizon else policy[0])
        assert gain <= certificate(any_game, parts, WEIGHTS) + 1e-9


@pytest.mark.parametrize("free", [True, False])
@given(seed=SEEDS)
@settings(max_examples=8)
def test_slopes_are_those_of_the_formula(any_game, free, seed):
    # Differences of f itself, which is written down a second time above.  Its derivative has kinks:
    # over one step they move it by about the step.
    game, step = any_game, 1e-5
    if game.horizon is None and not free:
        return  # for ever, L is always free
    logits, _, v = draw(game, seed)
    rng = np.random.default_rng(seed + 1)
    along, lift = rng.normal(size=logits.shape) * game.legal_actions, rng.normal(size=v.shape)

    def at(s):
        policy = policies.softmax(logits + s * along, game.legal_actions)
        return (measure_of(game, logits + s * along), None) if free else (
            flow_of(game, policy), policy
        )  # fmt: skip

    high, low = (objective(game, at(s)[0], v + s * lift, WEIGHTS).sum() for s in (step, -step))
    joint, policy = at(0)
    point = evaluate(game, joint, policy, v, WEIGHTS)
    slope = joint * point.slope
    slope -= joint * (slope.sum((1, 2), keepdims=True) if free else point.pressure[..., None])
    terms = np.concatenate([(slope * along).ravel(), (point.value_slope * lift).ravel()])
    assert abs(terms.sum() - (high - low) / (2 * step)) <= step * np.abs(terms).sum() + 1e-9 * high


@pytest.mark.parametrize("any_game", COMPILED, indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_the_compiled_sweep_gives_what_numpy_gives(any_game, seed, use):
    logits, _, v = draw(any_game, seed)
    policy = policies.softmax(logits, any_game.legal_actions)
    ways = [(measure_of(any_game, logits), None)]
    if any_game.horizon is not None:
        ways.append((flow_of(any_game, policy), policy))
    for joint, rule in ways:
        use("numba")
        compiled = evaluate(any_game, joint, rule, v, WEIGHTS)
        use("numpy")
        for one, two in zip(compiled, evaluate(any_game, joint, rule, v, WEIGHTS), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-9 * np.abs(two).max())


@few_and_many_seeds
def test_increments_lift_all_values_before_them(any_game, seeds):
    for seed in seeds:
        logits, v, slope = draw(any_game, seed)
        law, g = measure_of(any_game, logits).sum(-1), any_game.discount
        lifted = from_increments(any_game, law, v)
        later = lifted if any_game.horizon is None else np.append(lifted[1:], 0 * v[:1], 0)
        mean = (np.roll(law, -1, 0) * later).sum(-1, keepdims=True)
        np.testing.assert_allclose(lifted, v + g * mean, rtol=1e-9, atol=1e-9)
        downhill = by_increments(any_game, law, slope)
        product = (downhill * v).sum()
        np.testing.assert_allclose(product, (slope * lifted).sum(), rtol=1e-9, atol=1e-9)


def test_every_iterate_certifies_its_exploitability(toys):
    learner = MFOMO(iterations=60)
    for game in (toys.Market(), toys.Epidemic(), toys.Corridor()):
        for iterate in learner.learn(game):
            units = Weights(learner.c1, learner.c2, learner.c3, float(iterate.memory["scale"]))
            bound = certificate(game, iterate.memory["objective"], units)
            assert exact.exploitability(game, iterate.policy) <= bound + 1e-9
            met = game.crowd(exact.law_met(game, iterate.policy))
            np.testing.assert_allclose(iterate.mean_field, met, atol=1e-12)


def test_a_fault_of_a_game_is_named(toys):
    game = toys.Epidemic(infection=1e30)
    with pytest.raises(ValueError, match="noise_law"):
        evaluate(game, np.full((6, 2, 2), 0.25), None, np.zeros((6, 2)), WEIGHTS)
