"""The clauses are written once: a kind of game that nobody knew needs a declaration, no more."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from mfg_envs.testing import ContractError, every_kind
from mfg_envs.testing.continuous import ContinuousSubject
from mfg_envs.testing.finite import FiniteSubject
from mfg_envs.testing.subject import DiscreteSubject, Scene, Side
from mfg_envs.testing.team import TeamSubject


@dataclass(frozen=True, kw_only=True)
class Weather:
    """Players walk on a ring of three while the sun shines: a public state that all of them see."""

    fault: str = ""
    num_states: int = 3
    num_weathers: int = 2
    horizon: int | None = None

    @property
    def initial_law(self):
        return np.full(3, 0.3 if self.fault == "beginning" else 1 / 3)

    def stride_law(self, x, z):
        return 0.5 + 0 * x, np.where((z == 1) & (self.fault == "noise"), 0.4, 0.5)

    def stride(self, x, z, w):
        return x + z * w if self.fault == "moves" else (x + z * w) % 3

    def mood(self, x, z):
        if self.fault == "purity":
            x += 1
        if self.fault == "exchangeability":
            return x - np.mean(x)
        return np.log(1.0 * z) if self.fault == "rewards" else 1.0 * (x == 0)

    def mean_field(self, x):
        shares = np.stack([(x == s).mean(-1) for s in range(3)], -1)
        return x[:, :3] / x[:, :3].sum(-1, keepdims=True) if self.fault == "counting" else shares


class Outdoors(DiscreteSubject):
    """All that has to be said of the kind."""

    sizes = (("num_states", ""), ("num_weathers", "num_states"))
    laws = (("initial_law", "num_states"),)
    side = Side(("x", "z"), "w", "stride_law", "stride", "mood")

    def scenes(self, rng):
        x, z = (v.ravel() for v in np.indices((3, 2)))
        yield Scene(self.side, {"x": x, "z": z})

    def company(self, rng):
        x, z = rng.integers(3, size=(4, 8)), rng.integers(2, size=(4, 1))
        return self.drawn(Scene(self.side, {"x": x, "z": z}), rng)

    def states(self, side):
        return 3

    def counted(self):
        return ((("x",), (3,)),)


SHARED = (
    *(
        every_kind.sizes,
        every_kind.beginning,
        every_kind.purity,
        every_kind.noise,
        every_kind.moves,
    ),
    *(every_kind.rewards, every_kind.exchangeability, every_kind.stationarity, every_kind.counting),
)
FAULTS = {
    "beginning": r"initial_law sums to 0.9",
    "purity": "mood changes its argument x",
    "noise": r"stride_law\(x=0, z=1\) sums to 0.9",
    "moves": r"stride\(x=2, z=1, w=1\) leads to 3, which is not a state in \[0, 3\)",
    "rewards": r"mood\(x=0, z=0\) is -inf: it must be finite",
    "exchangeability": "mood gives a player something else when other players leave",
    "counting": "mean_field reads an order",
}


def check(clause, game):
    clause(Outdoors(game), np.random.default_rng(0))


@pytest.mark.parametrize("clause", SHARED)
def test_a_new_kind_that_is_declared_goes_through_the_clauses(clause):
    check(clause, Weather())


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the logarithm of a planted fault
@pytest.mark.parametrize(("name", "sentence"), FAULTS.items())
def test_a_fault_of_a_new_kind_is_named_by_its_clause(name, sentence):
    with pytest.raises(ContractError, match=sentence):
        check(getattr(every_kind, name), Weather(fault=name))


def test_a_size_is_compared_with_its_bound():
    with pytest.raises(ContractError, match="num_weathers must be at most num_states, got 4"):
        check(every_kind.sizes, Weather(num_weathers=4))


def test_what_kinds_have_in_common_is_one_function():
    kinds = (FiniteSubject, ContinuousSubject, TeamSubject)
    own = {
        kind: {c.name for c in kind.clauses if c.check.__module__ != every_kind.__name__}
        for kind in kinds
    }
    alike = set.union(*(a & b for a, b in itertools.combinations(own.values(), 2)))
    assert alike == {"back ends"}  # each kind is compiled in another way


def test_clauses_say_what_must_hold():
    for kind in (FiniteSubject, ContinuousSubject, TeamSubject):
        assert all(c.promise.endswith(".") and c.promise[0].isupper() for c in kind.clauses)
