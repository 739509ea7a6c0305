"""``check_env`` accepts what keeps the contract of environments and names every planted fault."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from toys import Clockwork

from mfg_envs import BatchEnv, PopulationEnv, check_env
from mfg_envs.games.ring_road import RingRoad
from mfg_envs.testing import ContractError

CHANCE = np.random.default_rng(0)
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
def test_environments_of_every_game_keep_the_contract(any_game, observe):
    check_env(PopulationEnv(any_game, 4, observe=observe), 12, seed=5)


def test_pictures_keep_the_contract():
    pytest.importorskip("pygame")
    check_env(PopulationEnv(GAME, 2, render_mode="rgb_array"), 4)


def test_a_game_without_chance_says_so():
    env = PopulationEnv(Clockwork(), 3)
    check_env(env, random=False)
    with pytest.raises(ContractError, match=r"^four seeds give the same episode"):
        check_env(env)


def planted(part):
    """Return the environment with a faulty part, a class that can be pickled by its name."""
    return type(part.__name__, (part, PopulationEnv, ParallelEnv), {"__module__": __name__})


class Part:
    """Lets the results of an environment go through ``spoil`` once they are made."""

    def spoil(self, frame):
        return frame

    def reset(self, seed=None, options=None):
        observations, infos = super().reset(seed, options)
        frame = self.spoil([observations, {}, {}, {}, infos])
        return frame[0], frame[4]

    def step(self, actions):
        return tuple(self.spoil(list(super().step(actions))))


@planted
class Faultless(Part):
    pass


@planted
class OneBuffer(Part):
    def spoil(self, frame):
        self.buffer = getattr(self, "buffer", None) or {k: v.copy() for k, v in frame[0].items()}
        for agent, seen in frame[0].items():
            self.buffer[agent][:] = seen
        return [dict(self.buffer) if frame[0] else {}, *frame[1:]]


@planted
class OneFlagDict(Part):
    def spoil(self, frame):
        return [*frame[:3], frame[2] if not any(frame[3].values()) else frame[3], frame[4]]


@planted
class KeptFlags(Part):
    def spoil(self, frame):
        self.flags = getattr(self, "flags", None) or frame[2]
        return [*frame[:2], self.flags, *frame[3:]]


@planted
class OneInfo(Part):
    info = {}  # noqa: RUF012

    def spoil(self, frame):
        return [*frame[:4], dict.fromkeys(frame[4], self.info)]


@planted
class ReadsWhatItGave(Part):
    def spoil(self, frame):
        if frame[0] and hasattr(self, "last"):
            lost = {agent: np.all(seen == 0) for agent, seen in self.last.items()}
            frame[1] = {agent: r - float(lost[agent]) for agent, r in frame[1].items()}
        self.last = frame[0]
        return frame


@planted
class KeepsTheNames(Part):
    def reset(self, seed=None, options=None):
        out = super().reset(seed, options)
        self.agents = self.possible_agents
        return out


@planted
class NumpyFlags(Part):
    def spoil(self, frame):
        frame[3] = {agent: np.bool_(flag) for agent, flag in frame[3].items()}
        return frame


@planted
class NumpyRewards(Part):
    def spoil(self, frame):
        frame[1] = {agent: np.float32(r) for agent, r in frame[1].items()}
        return frame


@planted
class BadReward(Part):
    def spoil(self, frame):
        frame[1] = {agent: np.nan for agent in frame[1]}
        return frame


@planted
class DoubleNumbers(Part):
    def spoil(self, frame):
        frame[0] = {agent: seen.astype(np.float16) for agent, seen in frame[0].items()}
        return frame


@planted
class ShortIndex(Part):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, "observe": ("index",)})

    def spoil(self, frame):
        return [{agent: np.int32(seen) for agent, seen in frame[0].items()}, *frame[1:]]


@planted
class OutOfSpace(Part):
    def spoil(self, frame):
        for seen in frame[0].values():
            seen[0] *= 1.5
        return frame


@planted
class ListOfNumbers(Part):
    def spoil(self, frame):
        return [{agent: seen.tolist() for agent, seen in frame[0].items()}, *frame[1:]]


@planted
class TextInInfos(Part):
    def spoil(self, frame):
        return [*frame[:4], {agent: {"mood": "good"} for agent in frame[4]}]


@planted
class LateInfos(Part):
    def spoil(self, frame):
        return [*frame[:4], {agent: {"t": 1} if frame[1] else {} for agent in frame[4]}]


@planted
class ForgetsOne(Part):
    def spoil(self, frame):
        frame[1].pop("vehicle_1", None)
        return frame


@planted
class ForgetsOneInfo(Part):
    def spoil(self, frame):
        frame[4].pop("vehicle_1", None)
        return frame


@planted
class LeavesOneByOne(Part):
    def step(self, actions):
        frame = super().step({**dict.fromkeys(self.possible_agents, 0), **actions})
        frame = tuple({a: part[a] for a in self.agents or actions} for part in frame)
        if len(self.agents) > 1:
            frame[2][self.agents[-1]] = True
            self.agents = self.agents[:-1]
        return frame


@planted
class Undead(Part):
    def step(self, actions):
        frame = super().step(actions)
        frame[2]["vehicle_0"] = True
        return frame


@planted
class GlobalChance(Part):
    def spoil(self, frame):
        frame[1] = {agent: CHANCE.random() for agent in frame[1]}
        return frame


@planted
class ActionsByPosition(Part):
    def step(self, actions):
        return super().step(dict(zip(self.agents, actions.values(), strict=False)))


@planted
class IgnoresTheSeed(Part):
    def reset(self, seed=None, options=None):
        return super().reset(0 if seed is not None else None, options)


@planted
class RepeatsItself(Part):
    def reset(self, seed=None, options=None):
        self.last_seed = getattr(self, "last_seed", 0) if seed is None else seed
        return super().reset(self.last_seed, options)


@planted
class Forgetful(Part):
    def reset(self, seed=None, options=None):
        return super().reset(int(CHANCE.integers(2**32)) if seed is None else seed, options)


@planted
class NewSpaces(Part):
    def observation_space(self, agent):
        return copy.deepcopy(super().observation_space(agent))


@planted
class OtherSpaces(Part):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.action_spaces = {agent: copy.deepcopy(s) for agent, s in self.action_spaces.items()}
        self.mine = copy.deepcopy(self.action_spaces)

    def action_space(self, agent):
        return self.mine[agent]


@planted
class WideSpaces(Part):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        space = spaces.Box(-np.inf, np.inf, (self.batch.observer.width,), np.float32)
        self.observation_spaces = dict.fromkeys(self.possible_agents, space)


@planted
class NumbersOnly(Part):
    def step(self, actions):
        if not all(isinstance(action, int | np.integer) for action in actions.values()):
            raise ValueError("'vehicle_2' is no number")
        return super().step(actions)


@planted
class ReadsInt32Otherwise(Part):
    def step(self, actions):
        return super().step(
            {agent: 0 if isinstance(a, np.int32) else a for agent, a in actions.items()}
        )


@planted
class Remaps(Part):
    def step(self, actions):
        cut = {a: min(v, 2) if isinstance(v, int | np.integer) else v for a, v in actions.items()}
        return super().step(cut)


@planted
class WrongError(Part):
    def step(self, actions):
        if set(actions) < set(self.agents):
            raise KeyError(min(set(self.agents) - set(actions)))
        return super().step(actions)


@planted
class NamelessError(Part):
    def step(self, actions):
        try:
            return super().step(actions)
        except ValueError:
            raise ValueError("bad action") from None


@planted
class MovesFirst(Part):
    def step(self, actions):
        if not set(actions) <= set(self.agents):
            super().step(dict.fromkeys(self.agents, 0))
        return super().step(actions)


@planted
class EndlessCycles(Part):
    max_cycles = property(lambda self: 40, lambda self, value: None)


@planted
class NoCycles(Part):
    def reset(self, seed=None, options=None):
        self.__dict__.pop("max_cycles", None)
        return super().reset(seed, options)

    def step(self, actions):
        self.max_cycles = 40
        frame = super().step(actions)
        del self.max_cycles
        return frame


@planted
class EndsTwice(Part):
    def spoil(self, frame):
        frame[2] = {**frame[3]}
        return frame


@planted
class TalksAfterTheEnd(Part):
    def step(self, actions):
        return super().step(actions) if self.agents else ({}, {}, {}, {}, {"common": {}})


@planted
class CannotBeCopied(Part):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.hook = (i for i in range(3))


@planted
class CopiesShare(Part):
    def __deepcopy__(self, memo):
        return self


@planted
class CopiesStartAnew(Part):
    def __getstate__(self):
        state = super().__getstate__()
        return {**state, "_generator": None, "batch": BatchEnv(GAME, 1, 3, 7, observe=PARTS)}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.batch.reset()


@planted
class CopiesForgetTheStream(Part):
    def __getstate__(self):
        batch = copy.copy(self.batch)
        batch._episode = 0
        return {**super().__getstate__(), "batch": batch}


@planted
class ClosesOnce(Part):
    closed = False

    def close(self):
        if self.closed:
            raise RuntimeError("closed already")
        self.closed = True


@planted
class FlatState(Part):
    def state(self):
        return super().state() + 1


class BareBases(PopulationEnv):
    pass


@planted
class OddNames(Part):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.possible_agents = ["ann", "bob", "eve"]
        self.observation_spaces = dict.fromkeys(self.possible_agents, self.batch.observer.space)
        self.action_spaces = dict.fromkeys(self.possible_agents, spaces.Discrete(3))
        self._no, self._yes = (dict.fromkeys(self.possible_agents, f) for f in (False, True))


@planted
class TwiceTheName(Part):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.possible_agents[1] = "vehicle_0"


@planted
class StartsEmpty(Part):
    def reset(self, seed=None, options=None):
        out = super().reset(seed, options)
        self.agents = []
        return out


@planted
class ShortMetadata(Part):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        del self.metadata["render_fps"]


@planted
class OddRenderMode(Part):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.render_mode = "ansi"


@planted
class Device(Part):
    device = "cpu"


@planted
class NoGenerator(Part):
    @property
    def np_random(self):
        raise AttributeError("np_random")

    def reset(self, seed=None, options=None):
        first = self.batch.reset(seed if seed is not None or hasattr(self, "begun") else 1)
        self.agents, self.begun = self.possible_agents[:], True
        return self._views(first), {agent: {} for agent in self.agents}


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
    (ShortIndex, "the observation of 'vehicle_0' is int32, its space int64"),
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
    ("env_class", "sentence"), ENV_FAULTS, ids=[plant.__name__ for plant, _ in ENV_FAULTS]
)
def test_a_fault_of_an_environment_is_named(env_class, sentence):
    with pytest.raises(ContractError, match=f"(?s)^({sentence})"):
        check_env(env_class(GAME, 3, observe=PARTS), 8)


def test_planted_environments_are_faultless_but_for_their_fault():
    check_env(Faultless(GAME, 3, observe=PARTS), 8)


def test_only_parallel_environments_are_checked():
    with pytest.raises(ContractError, match=r"^RingRoad must derive from ParallelEnv"):
        check_env(GAME)


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
    with pytest.raises(ContractError, match=r"^agent \['hare'"):
        check_env(Foreign())
