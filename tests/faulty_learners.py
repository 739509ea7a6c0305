"""Learners of which each breaks one clause of the contract, and the sound ones they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pettingzoo import ParallelEnv

from agents import Iterate
from mfg_envs.exact import policies
from mfg_envs.game import FiniteGame


def draw(seed, k, shape):
    return np.random.default_rng((seed, k)).random(shape)


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Add up random values of actions: sound."""

    iterations: int = 4
    step: float = 1.0
    learns = (FiniteGame,)

    def learn(self, source, seed=0, start=None):
        begun, total = (0, None) if start is None else (start.iteration, start.memory["total"])
        for k in range(begun + 1, self.iterations + 1):
            shape = policies.uniform(source).shape
            drawn = self.drawn(seed, k, shape)
            total = drawn if total is None else total + drawn
            yield self.iterate(source, k, total)

    def drawn(self, seed, k, shape):
        return self.step * draw(seed, k, shape)

    def iterate(self, source, k, total):
        policy = policies.softmax(total, source.legal_actions)
        return Iterate(k, 10 * k, policy, total.mean(-1), total, {"total": total})


@dataclass(frozen=True, kw_only=True)
class SideBySide(Drift):
    """Run seeds side by side, or one alone: sound."""

    side_by_side = True

    def drawn(self, seed, k, shape):
        if isinstance(seed, int):
            return super().drawn(seed, k, shape)
        return np.stack([super(SideBySide, self).drawn(one, k, shape) for one in seed])


@dataclass(frozen=True, kw_only=True)
class Player:
    """Play at random in an environment: sound."""

    iterations: int = 2
    learns = (ParallelEnv,)

    def learn(self, source, seed=0, start=None):
        begun = 0 if start is None else start.iteration
        for k in range(begun + 1, self.iterations + 1):
            source.reset(seed=int(np.random.default_rng((seed, k)).integers(1 << 30)))
            actions = draw(seed, k, len(source.agents)) < 0.5
            earned = source.step(dict(zip(source.agents, actions.astype(int), strict=True)))[1]
            q = np.array(list(earned.values())) + draw(seed, k, len(actions))
            yield Iterate(k, k, np.zeros((len(actions), 1)), q, q, {})

    def player(self, env, iterate, name):
        return lambda observations: np.ones(len(observations), int)


class Melting:
    def __init__(self, iterations=4):
        self.iterations = iterations

    def learn(self, source, seed=0, start=None):
        yield from Drift(iterations=self.iterations).learn(source, seed, start)


@dataclass(frozen=True, kw_only=True)
class Silent:
    iterations: int = 4


@dataclass(frozen=True, kw_only=True)
class WithoutEnd:
    def learn(self, source, seed=0, start=None):
        yield from Drift().learn(source, seed, start)


@dataclass(frozen=True, kw_only=True)
class OfNothing(Drift):
    learns = FiniteGame  # pyright: ignore


@dataclass(frozen=True, kw_only=True)
class Nameless(Drift):
    tool: Any = None

    def __post_init__(self):
        object.__setattr__(self, "tool", object())


@dataclass(frozen=True, kw_only=True)
class OfFunctions(Drift):
    tool: Any = np.sin


@dataclass(frozen=True, kw_only=True)
class YieldsTuples(Drift):
    def learn(self, source, seed=0, start=None) -> Any:
        yield from (tuple(one) for one in super().learn(source, seed, start))


@dataclass(frozen=True, kw_only=True)
class CountsBackwards(Drift):
    def iterate(self, source, k, total):
        return super().iterate(source, k, total)._replace(iteration=self.iterations - k)


@dataclass(frozen=True, kw_only=True)
class EndsEarly(Drift):
    def learn(self, source, seed=0, start=None):
        yield from list(super().learn(source, seed, start))[:-1]


@dataclass(frozen=True, kw_only=True)
class UnlearnsSamples(Drift):
    def iterate(self, source, k, total):
        return super().iterate(source, k, total)._replace(samples=100 - k)


@dataclass(frozen=True, kw_only=True)
class KeepsObjects(Drift):
    def iterate(self, source, k, total):
        memory: Any = {"total": total, "game": source}
        return super().iterate(source, k, total)._replace(memory=memory)


@dataclass(frozen=True, kw_only=True)
class LosesMass(Drift):
    def iterate(self, source, k, total):
        sound = super().iterate(source, k, total)
        return sound._replace(policy=0.9 * sound.policy)


@dataclass(frozen=True, kw_only=True)
class OfAnotherShape(Drift):
    def iterate(self, source, k, total):
        sound = super().iterate(source, k, total)
        return sound._replace(policy=sound.policy[:1, :1])


@dataclass(frozen=True, kw_only=True)
class Overwrites(Drift):
    def learn(self, source, seed=0, start=None):
        total = None
        for one in super().learn(source, seed, start):
            if total is None:
                total = np.array(one.q)
            total[:] = one.q
            yield one._replace(q=total)


@dataclass(frozen=True, kw_only=True)
class ChangesTheGame(Drift):
    def iterate(self, source, k, total):
        object.__setattr__(source, "left_cost", source.left_cost + 1)
        return super().iterate(source, k, total)


@dataclass(frozen=True, kw_only=True)
class DrawsAnew(Drift):
    def drawn(self, seed, k, shape):
        return np.random.default_rng().random(shape)


@dataclass(frozen=True, kw_only=True)
class IgnoresItsSeed(Drift):
    def drawn(self, seed, k, shape):
        return super().drawn(0, k, shape)


@dataclass(frozen=True, kw_only=True)
class SaysItIsCertain(Drift):
    random = False


@dataclass(frozen=True, kw_only=True)
class Forgetful(Drift):
    def learn(self, source, seed=0, start=None):
        rng, total = np.random.default_rng(seed), 0 if start is None else start.q
        for k in range(1 if start is None else start.iteration + 1, self.iterations + 1):
            total = total + rng.random(policies.uniform(source).shape)
            yield self.iterate(source, k, total)


@dataclass(frozen=True, kw_only=True)
class StartsAnew(Drift):
    def learn(self, source, seed=0, start=None):
        yield from super().learn(source, seed)


@dataclass(frozen=True, kw_only=True)
class MixesSeeds(SideBySide):
    def drawn(self, seed, k, shape):
        drawn = super().drawn(seed, k, shape)
        return drawn if isinstance(seed, int) else drawn + drawn.mean(0)


@dataclass(frozen=True, kw_only=True)
class TakesOneSeed(Drift):
    side_by_side = True

    def drawn(self, seed, k, shape):
        return super().drawn(seed, k, shape)


@dataclass(frozen=True, kw_only=True)
class Fails(Drift):
    def iterate(self, source, k, total):
        raise ArithmeticError("thirteen")
