"""Faults of seeds, spaces, actions, ends of episodes and copies."""

from __future__ import annotations

import copy

import numpy as np
from gymnasium import spaces

from faulty_environments.part import Part, planted
from mfg_envs import BatchEnv, PopulationEnv
from mfg_envs.games.ring_road import RingRoad

CHANCE = np.random.default_rng(0)
GAME, PARTS = RingRoad(num_cells=6, num_speeds=3), ("state", "density")


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


FAULTS = [
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
