"""The law of the first states is a law, whoever reads it, and is named where it is none."""

from __future__ import annotations

import numpy as np
import pytest
from toys import Begun, Drift, Pair, Spread

from agents import MFOMO, OnlineMirrorDescent, PolicyMirrorAscent, QMIteration
from mfg_envs import exact, make_game, riccati
from mfg_envs.environments.population import PopulationEnv
from mfg_envs.environments.representative import RepresentativeEnv
from mfg_envs.environments.team import TeamEnv
from mfg_envs.exact.discretise import discretise
from mfg_envs.game import Normal, Uniform, density
from mfg_envs.games.linear_quadratic import LinearQuadratic
from mfg_envs.metrics import regularised
from mfg_envs.metrics.gap_of_n_players import nash_gap
from mfg_envs.metrics.social_optimum import welfare
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.simulate.team import TeamBatchEnv
from mfg_envs.soundness.initial_laws import check_initial_law, initial_law

INVALID = {
    "mass four": ((2, 2), ValueError, r"initial_law .* sum 4; divide by the sums"),
    "below zero": ((1.5, -0.5), ValueError, r"initial_law .*\[-0\.5, 1\.5\].*no entry may be neg"),
    "no number": ((np.nan, 1.0), ValueError, "initial_law .* nan.*no entry may be negative or NaN"),
    "endless": ((np.inf, 0.0), ValueError, "initial_law .* inf"),
    "nobody": ((0.0, 0.0), ValueError, "initial_law .* sum 0; .* not all 0"),
    "too long": ((0.5, 0.25, 0.25), ValueError, r"initial_law must have shape \(2,\).* got \(3,\)"),
    "words": (("a", "b"), TypeError, "initial_law must be real numbers, got <U1"),
    "complex": ((0.5 + 0j, 0.5), TypeError, "initial_law must be real numbers, got complex"),
}
EVEN = np.full((2, 2), 0.5)
AHEAD = np.full((2, 2, 2), 0.5)
FINITE = {
    "flow": lambda game: exact.flow(game, AHEAD),
    "law_met": lambda game: exact.law_met(game, AHEAD),
    "exploitability": lambda game: exact.exploitability(game, AHEAD),
    "value": lambda game: exact.value(game, np.full((2, 2), 0.5), AHEAD),
    "best value": lambda game: exact.value(game, np.full((2, 2), 0.5)),
    "welfare": lambda game: welfare(game, AHEAD),
    "regularised": lambda game: regularised.regularised_exploitability(game, AHEAD, 1.0),
    "nash_gap": lambda game: nash_gap(game, AHEAD, 3, num_episodes=2),
    "BatchEnv": lambda game: BatchEnv(game, 2, 3),
    "mean-field BatchEnv": lambda game: BatchEnv(game, 2, 3, mode="mean_field"),
    "PopulationEnv": lambda game: PopulationEnv(game, 3),
    "RepresentativeEnv": RepresentativeEnv,
    "OnlineMirrorDescent": lambda game: next(OnlineMirrorDescent().learn(game)),
    "MFOMO": lambda game: next(MFOMO().learn(game)),
    "free MFOMO": lambda game: next(MFOMO(free=True).learn(game)),
}
ENDLESS = {
    "stationary_mean_field": lambda game: exact.stationary_mean_field(game, EVEN),
    "law_met": lambda game: exact.law_met(game, EVEN),
    "exploitability": lambda game: exact.exploitability(game, EVEN),
    "QMIteration": lambda game: next(QMIteration().learn(game)),
    "PolicyMirrorAscent": lambda game: next(PolicyMirrorAscent().learn(game)),
}


@pytest.mark.parametrize("fault", INVALID)
def test_an_invalid_law_is_named_with_the_remedy(fault):
    first, error, message = INVALID[fault]
    with pytest.raises(error, match=message):
        initial_law(Begun(first=first))
    with pytest.raises(error, match=message.replace("initial_law", "initial_local_law", 1)):
        check_initial_law(Pair(local=first))
    with pytest.raises(error, match=message.replace("initial_law", "initial_global_law", 1)):
        check_initial_law(Pair(leader=first))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("reader", FINITE)
def test_every_reader_of_a_game_with_an_end_refuses_an_invalid_law(use, reader, backend):
    use(backend)
    for first in ((2.0, 2.0), (1.5, -0.5), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="initial_law must be probabilities"):
            FINITE[reader](Begun(first=first))


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("reader", ENDLESS)
def test_every_reader_of_a_game_without_an_end_refuses_an_invalid_law(use, reader, crowded):
    use("numpy")
    for first in ((2.0, 2.0), (1.5, -0.5), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="initial_law must be probabilities"):
            ENDLESS[reader](Begun(first=first, horizon=None, crowded=crowded))


@pytest.mark.parametrize("make", [TeamBatchEnv, TeamEnv])
def test_a_team_refuses_an_invalid_law_before_it_plays(make):
    with pytest.raises(ValueError, match="initial_local_law must be probabilities"):
        make(Pair(local=(2.0, 2.0)))
    with pytest.raises(ValueError, match="initial_global_law must be probabilities"):
        make(Pair(leader=(2.0, 2.0)))


def test_a_global_state_that_follows_needs_no_law_of_its_own():
    class Following(Pair):
        def global_from_locals(self, m):
            return (m[..., 1] > 0.5).astype(int)

    TeamBatchEnv(Following(leader=(2.0, 2.0)), 1, 2).reset(seed=0)


@pytest.mark.parametrize(
    ("first", "error", "message"),
    [
        ((), ValueError, r"initial_law must be a tuple, a Normal .* 1 state components, got \(\)"),
        (Uniform(0.0, 1.0), ValueError, "initial_law must be a tuple"),
        (((0.0, 1.0),), TypeError, r"initial_law must hold a Normal .*, got \(0\.0, 1\.0\)"),
        ((Uniform(1.0, 0.0),), ValueError, r"initial_law .* width of at least 0, got Uniform\(low"),
        ((Normal(0.0, -1.0),), ValueError, r"initial_law .* width of at least 0, got Normal"),
        ((Normal(np.nan, 1.0),), ValueError, "initial_law must have finite numbers"),
        ((Uniform(0.0, np.inf),), ValueError, "initial_law must have finite numbers"),
        ((Normal(0.0, "wide"),), TypeError, "initial_law must be made of real numbers"),
    ],
)
def test_a_continuous_game_names_the_component_at_fault(first, error, message):
    game = Drift(first=first)
    for read in (initial_law, check_initial_law, BatchEnv, PopulationEnv, RepresentativeEnv):
        with pytest.raises(error, match=message):
            read(game)
    with pytest.raises(error, match=message):
        initial_law(discretise(game))


def test_a_closed_form_reads_a_checked_law():
    class Backwards(LinearQuadratic):
        initial_law = (Uniform(1.0, -1.0),)

    with pytest.raises(ValueError, match="initial_law must have finite numbers and a width"):
        riccati.equilibrium(Backwards(bound=None, action_bound=None, horizon=3))


@pytest.mark.parametrize("law", [Uniform(0.5, 0.5), Normal(0.5, 0.0)])
def test_all_may_begin_at_one_point(law):
    game = Spread(first=(law,))  # 0.5 is in the third cell
    assert density.of_law(game) == pytest.approx([0, 0, 1, 0])
    env = BatchEnv(game, 1, 5)
    assert (env.reset(seed=0).state == 0.5).all()
    assert env.mean_field[0] == pytest.approx(density.of_law(game))


def test_single_precision_is_close_enough_and_nothing_is_changed():
    third = np.full(3, 1 / 3, np.float32)
    game = Begun(first=tuple((third / third.sum())[:2] * np.float32(1.5)))
    assert np.array_equal(initial_law(game), game.initial_law)
    assert not initial_law(game).flags.writeable


@pytest.mark.parametrize("name", ["ring_road", "beach_bar", "dispatcher", "four_rooms_grid"])
def test_the_games_of_the_suite_pass(name):
    check_initial_law(make_game(name))


def test_the_first_states_and_the_exact_flow_have_one_law():
    game = Begun(first=(0.25, 0.75))
    share = BatchEnv(game, 4, 10_000).reset(seed=1).mean_field.mean(0)
    assert share[0] == pytest.approx(
        exact.flow(game, AHEAD)[0, 0], abs=4 * (3 / 16 / 40_000) ** 0.5
    )
