"""Faults of what a reset and a step return."""

from __future__ import annotations

import numpy as np

from faulty_environments.part import Part, planted


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


FAULTS = [
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
]
