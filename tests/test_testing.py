"""The contract accepts what keeps it and names every fault planted in what does not."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv

from mfg_envs import BatchEnv, PopulationEnv, check_env, check_game, exact, game_contract
from mfg_envs.game import FiniteGame, at
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.testing import ContractError

CHANCE = np.random.default_rng(0)
CALLS = []


@dataclass(frozen=True, kw_only=True)
class Walk(FiniteGame):
    """Stay or go right around five places; a crowd and the hour cost."""

    horizon: int | None = 5
    discount: float = 0.9
    num_states = 5
    num_actions = 2

    @cached_property
    def initial_law(self):
        return np.array([0.4, 0.3, 0.2, 0.1, 0.0])

    def noise_law(self, t, x, a, m):
        go = 0.75 * a
        return 1 - go, go

    def step(self, t, x, a, m, w):
        return (x + w) % self.num_states

    def reward(self, t, x, a, m):
        return 0.1 * x - at(m, x) - 0.01 * a


@dataclass(frozen=True, kw_only=True)
class Hall(Walk):
    """Players see in which half of the hall the others are, and what they do; it has an end."""

    mean_field_of_controls = True
    num_observations = 2

    @cached_property
    def legal_actions(self):
        return np.stack([np.ones(5, bool), np.arange(5) < 4], 1)

    @cached_property
    def half(self):
        return np.array([0, 0, 1, 1, 1])

    def observe(self, x):
        return self.half[x]

    def noise_law(self, t, x, a, m):
        go = np.where(a == 1, 0.5 + 0.5 * at(m, self.half[x], a), 0.0)
        return 1 - go, go

    def step(self, t, x, a, m, w):
        return x + w * a

    def reward(self, t, x, a, m):
        return 0.1 * x - at(m, self.half[x], a) - 0.02 * t


@pytest.mark.parametrize("horizon", [None, 12])
@pytest.mark.parametrize("dynamics", ["cell", "position"])
@pytest.mark.parametrize("reward", ["min", "additive"])
def test_ring_road_keeps_the_contract(reward, dynamics, horizon):
    sizes = {"num_cells": 20, "num_speeds": 8}
    check_game(RingRoad.make(reward=reward, dynamics=dynamics, horizon=horizon, **sizes))


@pytest.mark.parametrize(
    "game", [Walk(), Walk(horizon=None), Walk(horizon=1), Walk(horizon=40), Hall()]
)
@pytest.mark.parametrize("back_end", ["numba", "numpy"])
def test_other_games_keep_the_contract(game, back_end, monkeypatch):
    if back_end == "numba":
        pytest.importorskip("numba")
    monkeypatch.setenv("MFG_ENVS_BACKEND", back_end)
    for seed in range(3):
        check_game(game, seed)


def test_large_games_are_sampled(monkeypatch):
    monkeypatch.setattr("mfg_envs.contract.MOST_PAIRS", 7)
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


class ReadsTuple(Walk):
    prices = (0.0, 0.1, 0.2, 0.3, 0.4)

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


@dataclass(kw_only=True)
class Melting(FiniteGame):
    horizon: int | None = 5
    discount: float = 1.0
    num_states, num_actions, initial_law = 1, 1, np.ones(1)
    noise_law = step = reward = Walk.step

    def __hash__(self):
        return 0


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


@pytest.mark.parametrize(("game", "sentence"), FAULTS, ids=lambda x: type(x).__name__)
def test_a_fault_of_a_game_is_named(game, sentence):
    with pytest.raises(ContractError, match=f"^{sentence}"):
        check_game(game)


@pytest.mark.parametrize(
    ("game", "sentence"),
    [
        (Overflows(), r"step\(t=0, x=3, a=0\) compiled by numba is not what NumPy gives"),
        (ReadsTuple(), "ReadsTuple cannot be compiled .*reads self.prices"),
    ],
    ids=["Overflows", "ReadsTuple"],
)
def test_a_fault_of_compiled_methods_is_named(game, sentence, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("MFG_ENVS_BACKEND", "numba")
    with pytest.raises(ContractError, match=f"^{sentence}"):
        check_game(game)


def test_a_local_class_cannot_be_pickled():
    class Local(Walk):
        pass

    with pytest.raises(ContractError, match=r"^Local cannot be pickled .* top of a module"):
        check_game(Local())


def test_mass_and_value_are_compared_with_the_exact_ones(monkeypatch):
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

    monkeypatch.setattr(game_contract, "BatchEnv", Generous)
    for game in (Walk(), Walk(horizon=None), Hall()):
        with pytest.raises(ContractError, match=r"^players of an infinite population earn"):
            check_game(game)


GAME = RingRoad(num_cells=6, num_speeds=3)
PARTS = ("state", "density")


@pytest.mark.parametrize("mode", ["n_agent", "mean_field"])
@pytest.mark.parametrize("horizon", [None, 1, 2, 12])
@pytest.mark.parametrize("num_agents", [1, 3])
def test_environments_keep_the_contract(num_agents, horizon, mode):
    env = PopulationEnv(replace(GAME, horizon=horizon), num_agents, mode=mode)
    check_env(env, 30)
    assert env.max_cycles == (horizon or 500)  # as it was


@pytest.mark.parametrize("observe", [("index",), PARTS, ("mean_field", "mask")])
@pytest.mark.parametrize("game", [Hall(), Walk()], ids=["Hall", "Walk"])
def test_environments_of_other_games_keep_the_contract(game, observe):
    check_env(PopulationEnv(game, 4, observe=observe), seed=5)


def test_pictures_keep_the_contract():
    pytest.importorskip("pygame")
    check_env(PopulationEnv(GAME, 2, render_mode="rgb_array"), 4)


def test_a_game_without_chance_says_so():
    env = PopulationEnv(Clockwork(), 3)
    check_env(env, random=False)
    with pytest.raises(ContractError, match="^four seeds give the same episode"):
        check_env(env)


class Clockwork(Walk):
    initial_law = np.eye(5)[0]

    def noise_law(self, t, x, a, m):
        return 0.0 * a, 1.0 + 0.0 * a


class Planted(PopulationEnv, ParallelEnv):
    """An environment whose results go through ``spoil`` once they are made."""

    def spoil(self, frame):
        return frame

    def reset(self, seed=None, options=None):
        observations, infos = super().reset(seed, options)
        frame = self.spoil([observations, {}, {}, {}, infos])
        return frame[0], frame[4]

    def step(self, actions):
        return tuple(self.spoil(list(super().step(actions))))


class OneBuffer(Planted):
    def spoil(self, frame):
        self.buffer = getattr(self, "buffer", None) or {k: v.copy() for k, v in frame[0].items()}
        for agent, seen in frame[0].items():
            self.buffer[agent][:] = seen
        return [dict(self.buffer) if frame[0] else {}, *frame[1:]]


class OneFlagDict(Planted):
    def spoil(self, frame):
        return [*frame[:3], frame[2] if not any(frame[3].values()) else frame[3], frame[4]]


class KeptFlags(Planted):
    def spoil(self, frame):
        self.flags = getattr(self, "flags", frame[2])
        return [*frame[:2], self.flags if frame[2] == self.flags else frame[2], *frame[3:]]


class OneInfo(Planted):
    def spoil(self, frame):
        return [*frame[:4], dict.fromkeys(frame[4], {})]


class ReadsWhatItGave(Planted):
    def spoil(self, frame):
        if frame[0] and hasattr(self, "last"):
            lost = {agent: np.all(seen == 0) for agent, seen in self.last.items()}
            frame[1] = {agent: r - float(lost[agent]) for agent, r in frame[1].items()}
        self.last = frame[0]
        return frame


class KeepsTheNames(Planted):
    def reset(self, seed=None, options=None):
        out = super().reset(seed, options)
        self.agents = self.possible_agents
        return out


class NumpyFlags(Planted):
    def spoil(self, frame):
        frame[3] = {agent: np.bool_(flag) for agent, flag in frame[3].items()}
        return frame


class NumpyRewards(Planted):
    def spoil(self, frame):
        frame[1] = {agent: np.float32(r) for agent, r in frame[1].items()}
        return frame


class BadReward(Planted):
    def spoil(self, frame):
        frame[1] = {agent: np.nan for agent in frame[1]}
        return frame


class DoubleNumbers(Planted):
    def spoil(self, frame):
        frame[0] = {agent: seen.astype(np.float16) for agent, seen in frame[0].items()}
        return frame


class OutOfSpace(Planted):
    def spoil(self, frame):
        for seen in frame[0].values():
            seen[0] *= 1.5
        return frame


class ListOfNumbers(Planted):
    def spoil(self, frame):
        return [{agent: seen.tolist() for agent, seen in frame[0].items()}, *frame[1:]]


class TextInInfos(Planted):
    def spoil(self, frame):
        return [*frame[:4], {agent: {"mood": "good"} for agent in frame[4]}]


class LateInfos(Planted):
    def spoil(self, frame):
        return [*frame[:4], {agent: {"t": 1} if frame[1] else {} for agent in frame[4]}]


class ForgetsOne(Planted):
    def spoil(self, frame):
        frame[1].pop("vehicle_1", None)
        return frame


class ForgetsOneInfo(Planted):
    def spoil(self, frame):
        frame[4].pop("vehicle_1", None)
        return frame


class LeavesOneByOne(Planted):
    def step(self, actions):
        frame = super().step({**dict.fromkeys(self.possible_agents, 0), **actions})
        frame = tuple({a: part[a] for a in self.agents or actions} for part in frame)
        if len(self.agents) > 1:
            frame[2][self.agents[-1]] = True
            self.agents = self.agents[:-1]
        return frame


class Undead(Planted):
    def step(self, actions):
        frame = super().step(actions)
        frame[2]["vehicle_0"] = True
        return frame


class GlobalChance(Planted):
    def spoil(self, frame):
        frame[1] = {agent: CHANCE.random() for agent in frame[1]}
        return frame


class ActionsByPosition(Planted):
    def step(self, actions):
        return super().step(dict(zip(self.agents, actions.values(), strict=False)))


class IgnoresTheSeed(Planted):
    def reset(self, seed=None, options=None):
        return super().reset(0 if seed is not None else None, options)


class RepeatsItself(Planted):
    def reset(self, seed=None, options=None):
        self.last_seed = getattr(self, "last_seed", 0) if seed is None else seed
        return super().reset(self.last_seed, options)


class Forgetful(Planted):
    def reset(self, seed=None, options=None):
        return super().reset(int(CHANCE.integers(2**32)) if seed is None else seed, options)


class NewSpaces(Planted):
    def observation_space(self, agent):
        return copy.deepcopy(super().observation_space(agent))


class OtherSpaces(Planted):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.action_spaces = {agent: copy.deepcopy(s) for agent, s in self.action_spaces.items()}
        self.mine = copy.deepcopy(self.action_spaces)

    def action_space(self, agent):
        return self.mine[agent]


class WideSpaces(Planted):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        space = spaces.Box(-np.inf, np.inf, (self.batch.observer.width,), np.float32)
        self.observation_spaces = dict.fromkeys(self.possible_agents, space)


class NumbersOnly(Planted):
    def step(self, actions):
        if not all(isinstance(action, int | np.integer) for action in actions.values()):
            raise ValueError("'vehicle_2' is no number")
        return super().step(actions)


class ReadsInt32Otherwise(Planted):
    def step(self, actions):
        return super().step(
            {agent: 0 if isinstance(a, np.int32) else a for agent, a in actions.items()}
        )


class Remaps(Planted):
    def step(self, actions):
        cut = {a: min(v, 2) if isinstance(v, int | np.integer) else v for a, v in actions.items()}
        return super().step(cut)


class WrongError(Planted):
    def step(self, actions):
        if set(actions) < set(self.agents):
            raise KeyError(min(set(self.agents) - set(actions)))
        return super().step(actions)


class NamelessError(Planted):
    def step(self, actions):
        try:
            return super().step(actions)
        except ValueError:
            raise ValueError("bad action") from None


class MovesFirst(Planted):
    def step(self, actions):
        if not set(actions) <= set(self.agents):
            super().step(dict.fromkeys(self.agents, 0))
        return super().step(actions)


class EndlessCycles(Planted):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del self.max_cycles

    max_cycles = property(lambda self: 40, lambda self, value: None, lambda self: None)


class NoCycles(EndlessCycles):
    max_cycles = property(fdel=lambda self: None, fset=lambda self, value: None)


class EndsTwice(Planted):
    def spoil(self, frame):
        frame[2] = {**frame[3]}
        return frame


class TalksAfterTheEnd(Planted):
    def step(self, actions):
        return super().step(actions) if self.agents else ({}, {}, {}, {}, {"common": {}})


class CannotBeCopied(Planted):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.hook = (i for i in range(3))


class CopiesShare(Planted):
    def __deepcopy__(self, memo):
        return self


class CopiesStartAnew(Planted):
    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "_generator": None, "batch": BatchEnv(GAME, 1, 3, 7, observe=PARTS)}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.batch.reset()


class CopiesForgetTheStream(Planted):
    def __getstate__(self):
        batch = copy.copy(self.batch)
        batch._episode = 0
        return {**super().__getstate__(), "batch": batch}


class ClosesOnce(Planted):
    closed = False

    def close(self):
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


class FlatState(Planted):
    def state(self):
        return super().state() + 1


class BareBases(PopulationEnv):
    pass


class OddNames(Planted):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.possible_agents = ["ann", "bob", "eve"]
        self.observation_spaces = dict.fromkeys(self.possible_agents, self.batch.observer.space)
        self.action_spaces = dict.fromkeys(self.possible_agents, spaces.Discrete(3))
        self._no, self._yes = (dict.fromkeys(self.possible_agents, f) for f in (False, True))


class TwiceTheName(Planted):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.possible_agents[1] = "vehicle_0"


class StartsEmpty(Planted):
    def reset(self, seed=None, options=None):
        out = super().reset(seed, options)
        self.agents = []
        return out


class ShortMetadata(Planted):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del self.metadata["render_fps"]


class OddRenderMode(Planted):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.render_mode = "ansi"


class Device(Planted):
    device = "cpu"


class NoGenerator(Planted):
    @property
    def np_random(self):
        raise AttributeError("np_random")

    def reset(self, seed=None, options=None):
        first = self.batch.reset(seed if seed is not None or hasattr(self, "begun") else 1)
        self.agents, self.begun = self.possible_agents[:], True
        return self._views(first.observation[0]), {agent: {} for agent in self.agents}


ENV_FAULTS = [
    (OneBuffer, "observations of 'vehicle_0' at step 0 are not the same: it has changed since"),
    (OneFlagDict, "an object is returned twice, again at step 1: terminations and truncations"),
    (KeptFlags, "an object is returned twice, again at step 2"),
    (OneInfo, "an object is returned twice, again at step 0"),
    (KeepsTheNames, "agents at step 0 are not the same|an object is returned twice"),
    (ReadsWhatItGave, "rewards of 'vehicle_0' at step 1 .*: the caller wrote into what it had got"),
    (NumpyFlags, r"truncations\['vehicle_0'\] at step 1 is bool.*, not a Python bool"),
    (NumpyRewards, r"rewards\['vehicle_0'\] at step 1 is float32, not a Python float"),
    (BadReward, "the reward of 'vehicle_0' at step 1 is nan, not a finite number"),
    (DoubleNumbers, "the observation of 'vehicle_0' is float16, its space float32"),
    (OutOfSpace, r"the observation of 'vehicle_\d' at step \d+, .*is outside of Box.*: scale it"),
    (ListOfNumbers, "the observation of 'vehicle_0' at step 0, .* is outside of Box"),
    (TextInInfos, "infos at step 0 hold more than numbers"),
    (LateInfos, "infos have other keys at step 1"),
    (ForgetsOne, r"rewards at step 1 lack \['vehicle_1'\]: give one per agent"),
    (ForgetsOneInfo, r"infos at step 0 lack \['vehicle_1'\]"),
    (LeavesOneByOne, "at step 1 some agents are missing: all stay until the end of all"),
    (Undead, r"\['vehicle_0'\] is done at step 1 and still in agents: take it out"),
    (GlobalChance, "rewards of 'vehicle_0' at step 1 are not the same: the same seed was played"),
    (ActionsByPosition, "rewards of .*: the actions came in another order; look them up by agent"),
    (IgnoresTheSeed, r"four seeds give the same episode: seed the generator in reset\(seed\)"),
    (RepeatsItself, r"reset\(\) without a seed plays the first episode again"),
    (Forgetful, "observations of .* at step 0 are not the same: it follows the same seed"),
    (NoGenerator, "np_random is missing: expose the generator"),
    (NewSpaces, r"observation_space\('vehicle_0'\) is a new object at every call"),
    (OtherSpaces, r"action_spaces\['vehicle_0'\] must be what action_space\('vehicle_0'\) returns"),
    (WideSpaces, "Box.* must be Discrete, or a bounded float32 Box of 2 numbers or more"),
    (NumbersOnly, "actions may be int, .* but some raise ValueError"),
    (ReadsInt32Otherwise, "rewards of .*: actions were arrays, or of another type"),
    (Remaps, r"action .*3.* of 'vehicle_2' is accepted: check all actions before anything moves"),
    (WrongError, r"no action of 'vehicle_2' raises KeyError.*: check all actions .* ValueError"),
    (NamelessError, "action .* of 'vehicle_2' raises ValueError.*, which does not name it"),
    (MovesFirst, "observations of .*: bad actions had been refused; check all actions before"),
    (EndlessCycles, "max_cycles was set to 2 and the episode goes on"),
    (NoCycles, "max_cycles must be an attribute"),
    (EndsTwice, "in the end terminated is True, truncated True: terminated at the horizon"),
    (TalksAfterTheEnd, r"step\(\{\}\) after the end gives .*common.*, not five dicts"),
    (CannotBeCopied, r"copy.deepcopy raises TypeError\(.*generator.*\): drop windows"),
    (CopiesShare, r"copy.deepcopy at half time: the copy goes on otherwise from step \d+"),
    (CopiesStartAnew, "copy.deepcopy at half time: the copy goes on otherwise"),
    (CopiesForgetTheStream, "copy.deepcopy: the next episode of the copy is not that"),
    (ClosesOnce, r"close\(\) must work, also twice; it raises RuntimeError\('closed already'\)"),
    (FlatState, r"state\(\) must lie in state_space = Box"),
    (BareBases, "BareBases must list ParallelEnv itself among its bases"),
    (OddNames, r"agent \['ann'\] must be called <group>_<number>"),
    (TwiceTheName, "possible_agents is .*: set it in __init__ to the list of all names"),
    (StartsEmpty, r"agents is empty after reset\(\)"),
    (ShortMetadata, "metadata lacks 'render_fps'"),
    (OddRenderMode, "render_mode is 'ansi', it must be None or one of metadata"),
    (Device, "device means something else to other libraries"),
]


@pytest.mark.parametrize(
    ("env_class", "sentence"), ENV_FAULTS, ids=lambda x: x if isinstance(x, str) else x.__name__
)
def test_a_fault_of_an_environment_is_named(env_class, sentence):
    with pytest.raises(ContractError, match=f"(?s)^({sentence})"):
        check_env(env_class(GAME, 3, observe=PARTS), 8)


def test_planted_environments_are_faultless_but_for_their_fault():
    check_env(Planted(GAME, 3, observe=PARTS), 8)


def test_only_parallel_environments_are_checked():
    with pytest.raises(ContractError, match="^Walk must derive from ParallelEnv"):
        check_env(Walk())


class Foreign(ParallelEnv):
    """A sound environment of the loose kind: masks, early leavers, NumPy numbers, no max_cycles."""

    metadata = {"name": "foreign"}  # noqa: RUF012
    possible_agents = ["hare", "tortoise"]  # noqa: RUF012
    seen_space = spaces.Dict(
        {"place": spaces.Box(0, 1, (1,)), "action_mask": spaces.Box(0, 1, (3,), np.int8)}
    )
    moves = spaces.Discrete(3)

    def observation_space(self, agent):
        return self.seen_space

    def action_space(self, agent):
        return self.moves

    def look(self):
        place = self.chance.random(1, dtype=np.float32)
        mask = np.array([1, 0, 1], np.int8)
        return {agent: {"place": place, "action_mask": mask} for agent in self.agents}

    def reset(self, seed=None, options=None):
        if seed is not None or not hasattr(self, "chance"):
            self.chance = np.random.default_rng(seed)
        self.t, self.agents = 0, [*self.possible_agents]
        return self.look(), {agent: {} for agent in self.agents}

    def step(self, actions):
        assert all(action != 1 for action in actions.values()), "masked"
        alive, self.t = self.agents, self.t + 1
        done = {agent: np.bool_(self.t >= 3 + 2 * (agent == "hare")) for agent in alive}
        seen = self.look()
        self.agents = [agent for agent in alive if not done[agent]]
        r = {agent: np.float32(actions[agent]) for agent in alive}
        return seen, r, done, dict.fromkeys(alive, False), {agent: {} for agent in alive}


def test_foreign_environments_need_not_be_strict():
    check_env(Foreign(), strict=False)
    with pytest.raises(ContractError, match="^Foreign|agent|metadata|at step"):
        check_env(Foreign())
