"""``check_game`` accepts games that keep the contract and names every fault planted in one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from toys import Melting, Walk

from mfg_envs import BatchEnv, check_game, exact
from mfg_envs.game import at
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.testing import ContractError, finite

CHANCE = np.random.default_rng(0)
CALLS = []


@pytest.mark.parametrize("horizon", [None, 12])
@pytest.mark.parametrize("dynamics", ["cell", "position"])
@pytest.mark.parametrize("reward", ["min", "additive"])
def test_ring_road_keeps_the_contract(reward, dynamics, horizon):
    sizes = {"num_cells": 20, "num_speeds": 8}
    check_game(RingRoad.make(reward=reward, dynamics=dynamics, horizon=horizon, **sizes))


@pytest.mark.parametrize("back_end", ["numba", "numpy"])
def test_every_toy_keeps_the_contract(any_game, back_end, use):
    if back_end == "numba":
        pytest.importorskip("numba")
    use(back_end)
    for seed in range(3):
        check_game(any_game, seed)


@pytest.mark.parametrize("horizon", [None, 1, 40])
def test_every_horizon_will_do(horizon):
    check_game(Walk(horizon=horizon))


def test_large_games_are_sampled(monkeypatch):
    monkeypatch.setattr("mfg_envs.testing.contract.MOST_PAIRS", 7)
    check_game(Walk())


class LosesMass(Walk):
    def noise_law(self, t, x, a, m):
        return 0.5 - 0 * a, np.where((x == 3) & (t == 4), 0.4, 0.5)


class NegativeChance(Walk):
    def noise_law(self, t, x, a, m):
        return 1.25 - 0.5 * x, 0.5 * x - 0.25


class NoChance(Walk):
    def noise_law(self, t, x, a, m):
        return np.where(x == 2, np.nan, 1.0), 0.0 * a


class OutcomesChange(Walk):
    def noise_law(self, t, x, a, m):
        return np.full((*np.shape(x), 1 + t), 1 / (1 + t))


class NoReward(Walk):
    def reward(self, t, x, a, m):
        return np.where((x == 4) & (a == 1), np.nan, 1.0)


class RewardOfEmptyPlaces(Walk):
    def reward(self, t, x, a, m):
        return np.where(at(m, x) > 0, 1.0, -np.inf)


class RewardTooLarge(Walk):
    def reward(self, t, x, a, m):
        return at(m, x)[..., None]


class ComplexReward(Walk):
    def reward(self, t, x, a, m):
        return 1j * x


class BranchingReward(Walk):
    def reward(self, t, x, a, m):
        return 1.0 if x > 2 else 0.0


class LeavesTheRing(Walk):
    def step(self, t, x, a, m, w):
        return x + w


class MovesByHalves(Walk):
    def step(self, t, x, a, m, w):
        return (x + 0.5 * w) % 5


class Fickle(Walk):
    def step(self, t, x, a, m, w):
        return (x + CHANCE.integers(2, size=np.shape(x))) % 5


class Counter(Walk):
    def reward(self, t, x, a, m):
        CALLS.append(t)
        return 0.1 * x + len(CALLS)


class Remembers(Walk):
    def reward(self, t, x, a, m):
        if not hasattr(self, "first"):
            object.__setattr__(self, "first", m.copy())
        return 0.1 * x - at(self.first, x)


class ChangesX(Walk):
    def step(self, t, x, a, m, w):
        x += w
        x %= 5
        return x


class ChangesW(Walk):
    def step(self, t, x, a, m, w):
        w += 1
        return (x + w - 1) % 5


class ChangesM(Walk):
    def noise_law(self, t, x, a, m):
        m *= 2
        return super().noise_law(t, x, a, m)


class Ranked(Walk):
    def reward(self, t, x, a, m):
        return 0.1 * np.arange(np.shape(x)[-1])


class Relative(Walk):
    def reward(self, t, x, a, m):
        return 0.1 * x - np.mean(x)


class FirstPopulation(Walk):
    def reward(self, t, x, a, m):
        return at(np.broadcast_to(m.reshape(-1, 5)[0], m.shape), x)


class IndexesM(Walk):
    def reward(self, t, x, a, m):
        return m[x]


class KnowsTheHour(Walk):
    horizon = None

    def reward(self, t, x, a, m):
        return 0.1 * x + t


class LawTooSmall(Walk):
    initial_law = np.array([0.4, 0.3, 0.2, 0.0, 0.0])


class LawNegative(Walk):
    initial_law = np.array([1.1, -0.1, 0.0, 0.0, 0.0])


class LawTooShort(Walk):
    initial_law = np.array([0.5, 0.5])


class Stuck(Walk):
    legal_actions = np.arange(5)[:, None] != np.array([3, 3])


class LegalByNumber(Walk):
    legal_actions = np.ones((5, 2))


class FarCoordinates(Walk):
    def coordinates(self, x):
        return np.asarray(x)[..., None] / 3


class NoCoordinates(Walk):
    def coordinates(self, x):
        return np.where(np.asarray(x) == 1, np.nan, 0.0)[..., None]


class FlatCoordinates(Walk):
    def coordinates(self, x):
        return np.asarray(x) / 4


class FixedCoordinates(Walk):
    def coordinates(self, x):
        return np.linspace(-1, 1, np.size(x)).reshape(*np.shape(x), 1)


class SeesTooMuch(Walk):
    num_observations = 2

    def observe(self, x):
        return x // 2


class SeesBackwards(Walk):
    def observe(self, x):
        return 4 - x


class SeesMoreThanThereIs(Walk):
    num_observations = 6


class FarNeighbours(Walk):
    def neighbours(self, x):
        return np.asarray(x)[..., None] + np.array([0, 1])


class OtherNeighbours(Walk):
    def neighbours(self, x):
        return (np.asarray(x)[..., None] + np.array([1, 0])) % 5


class HalfNeighbours(Walk):
    def neighbours(self, x):
        return np.asarray(x)[..., None] * 1.0


class Counts(Walk):
    def mean_field(self, x, a=None):
        return super().mean_field(x, a) * x.shape[-1]


class OneMeanField(Walk):
    def mean_field(self, x, a=None):
        return super().mean_field(x.ravel())


class OtherCrowd(Walk):
    def crowd(self, law):
        return law[..., ::-1]


class Overflows(Walk):
    def step(self, t, x, a, m, w):
        return abs(x * 1_000_000_007 + w) % 5


class ReadsRange(Walk):
    prices = range(5)

    def reward(self, t, x, a, m):
        return np.asarray(self.prices)[x]


class FloatSizes(Walk):
    num_actions = 2.0


class Horizonless(Walk):
    def __post_init__(self):
        pass


@dataclass(frozen=True, kw_only=True)
class Unhashable(Walk):
    prices: list = field(default_factory=list)


class Unequal(Walk):
    __hash__ = Walk.__hash__

    def __eq__(self, other):
        return self is other


@dataclass(frozen=True)
class Positional(Walk):
    price: float = 1.0


FAULTS = [
    (LosesMass(), r"noise_law\(t=4, x=3, a=0\) sums to 0.9:"),
    (NegativeChance(), r"noise_law\(t=0, x=0, a=0\) holds -0.25: probabilities"),
    (NoChance(), r"noise_law\(t=0, x=2, a=0\) holds nan"),
    (OutcomesChange(), r"noise_law must have one number of outcomes, got \{1, 3, 5\}"),
    (NoReward(), r"reward\(t=0, x=4, a=1\) is nan"),
    (
        RewardOfEmptyPlaces(),
        r"reward\(t=0, x=\d, a=0\) is -inf, m in \[0, .* empty states included",
    ),
    (RewardTooLarge(), r"reward returns shape \(10, 1\) for players \(10,\)"),
    (ComplexReward(), "reward returns complex128, it must be real"),
    (BranchingReward(), r"reward fails for x \(10,\).*ValueError.*np.where for choices"),
    (LeavesTheRing(), r"step\(t=0, x=4, a=0, w=1\) leads to 5, .* not a state in \[0, 5\)"),
    (MovesByHalves(), "step returns float64, states are whole numbers"),
    (Fickle(), r"step\(t=0\) gives something else when it is called again"),
    (Counter(), r"reward\(t=0\) gives something else when it is called again"),
    (Remembers(), r"reward\(t=0\) gives something else when it is called again"),
    (ChangesX(), "step changes its argument x: compute a new array"),
    (ChangesW(), "step changes its argument w"),
    (ChangesM(), "noise_law changes its argument m"),
    (Ranked(), r"reward gives .* when the players are permuted.*np.arange\(N\)"),
    (Relative(), "reward gives .* when other players leave: .* no sums or means"),
    (FirstPopulation(), "reward gives .* when other populations stand beside its own"),
    (IndexesM(), r"reward fails for x \(3, 16\).*at\(m, x\) for the crowd"),
    (KnowsTheHour(horizon=None), "reward reads t, but horizon is None: give the game a horizon"),
    (LawTooSmall(), "initial_law sums to 0.9: it must sum to one"),
    (LawNegative(), "initial_law holds -0.1"),
    (LawTooShort(), r"initial_law must have shape \(S,\) = \(5,\), got \(2,\)"),
    (Stuck(), "state 3 has no legal action: allow one"),
    (LegalByNumber(), r"legal_actions must be bool \(5, 2\), got float64"),
    (FarCoordinates(), r"coordinates\(4\) is \[1.33.*\], it must be finite and in \[-1, 1\]"),
    (NoCoordinates(), r"coordinates\(1\) is \[nan\]"),
    (FlatCoordinates(), r"coordinates\(x\) must have shape \(\*x.shape, D\), got \(5,\)"),
    (FixedCoordinates(), "coordinates must be elementwise"),
    (SeesTooMuch(), r"observe\(4\) is 2, it must be observed states in \[0, 2\)"),
    (SeesBackwards(), r"observe\(x\) must be x where all states are observed"),
    (SeesMoreThanThereIs(), "num_observations must be at most num_states, got 6"),
    (FarNeighbours(), r"neighbours\(4\) is \[4 5\]"),
    (OtherNeighbours(), r"neighbours\(0\) must begin with the observed state itself"),
    (HalfNeighbours(), r"neighbours\(x\) must be whole numbers, got float64"),
    (Counts(), "mean_field of population 0 sums to 50"),
    (OneMeanField(), r"mean_field must have shape \(2, 5\) for x \(2, 50\), got \(5,\)"),
    (OtherCrowd(), r"crowd\(law\) must equal mean_field\(players\)"),
    (FloatSizes(), r"num_actions must be an int >= 1, got 2.0"),
    (Horizonless(horizon=0), r"horizon must be an int >= 1 or None, got 0: call super"),
    (Horizonless(discount=2), r"discount must be in \(0, 1\], .* got 2: call super"),
    (Horizonless(horizon=None, discount=1), r"discount .* below 1 without a horizon, got 1"),
    (Unhashable(), "Unhashable cannot be hashed .* use tuples"),
    (Unequal(), r"Unequal must equal dataclasses.replace\(it\)"),
    (Positional(), r"Positional must be declared with @dataclass\(frozen=True, kw_only=True\)"),
    (Melting(), r"Melting must be declared with @dataclass\(frozen=True"),
    ("a game", "str must derive from mfg_envs.game.FiniteGame"),
]


@pytest.mark.parametrize(
    ("game", "sentence"), FAULTS, ids=[type(game).__name__ for game, _ in FAULTS]
)
def test_a_fault_of_a_game_is_named(game, sentence):
    with pytest.raises(ContractError, match=f"^{sentence}"):
        check_game(game)


@pytest.mark.parametrize(
    ("game", "sentence"),
    [
        (Overflows(), r"step\(t=0, x=3, a=0\) compiled by numba is not what NumPy gives"),
        (ReadsRange(), "ReadsRange reads self.prices"),
    ],
    ids=["Overflows", "ReadsRange"],
)
def test_a_fault_of_compiled_methods_is_named(game, sentence, use):
    pytest.importorskip("numba")
    use("numba")
    with pytest.raises(ContractError, match=f"^{sentence}"):
        check_game(game)


def test_a_local_class_cannot_be_pickled():
    class Local(Walk):
        pass

    with pytest.raises(ContractError, match=r"^Local cannot be pickled .* top of a module"):
        check_game(Local())


def test_mass_and_value_are_compared_with_the_exact_ones(monkeypatch, toys):
    push = exact.push_forward
    with monkeypatch.context() as patch:
        patch.setattr(exact, "push_forward", lambda *args: 0.9 * push(*args))
        with pytest.raises(ContractError, match=r"^exact.push_forward at t = 0 sums to 0.9"):
            check_game(Walk())
    with monkeypatch.context() as patch:
        patch.setattr(exact, "value", lambda *args: 7.0)
        with pytest.raises(ContractError, match=r"^exact.value is 7.0, its flow summed forward"):
            check_game(Walk())

    class Generous(BatchEnv):
        def rollout(self, policy, num_steps):
            played = super().rollout(policy, num_steps)
            return played._replace(reward=played.reward + 0.02)

    monkeypatch.setattr(finite, "BatchEnv", Generous)
    for game in (Walk(), Walk(horizon=None), toys.Market()):
        with pytest.raises(ContractError, match=r"^players of an infinite population earn"):
            check_game(game)
