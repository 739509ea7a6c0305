"""Check that a learner keeps its contract, your own ones included.

    from agents import check_learner

    check_learner(MyLearner(iterations=4), make_game("sis"))

returns None, or raises a ``ContractError`` (an AssertionError) whose sentence names the fault, the
place and the cure.  ``mfg-envs check FILE.py:MyLearner`` does so on the command line.
"""

from __future__ import annotations

import dataclasses
import pickle
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.testing import ContractError
from mfg_envs.testing.contract import Clause, require

from .checkpoints import Checkpoint, header_of, read, save
from .iterate import Iterate
from .learner import facts
from .recipes import known_recipe
from .running import per_seed

PLAYERS = 3
"""Players who follow the policies of a continuous game for a step."""


class Trial:
    """A learner on a game; what it yields is copied at once, and kept.

    Attributes:
        learner: The learner.
        game: The game.
        seed: The seed; another is ``seed + 1``.
    """

    def __init__(self, learner: Any, game: Any, seed: int = 0) -> None:
        self.learner, self.game, self.seed = learner, game, seed

    def run(self, seed: Any, start: Iterate | None = None) -> list[Iterate]:
        """Return a copy of all that the learner yields."""
        return [_copied(one) for one in self.learner.learn(self.game, seed, start=start)]

    @cached_property
    def iterates(self) -> list[Iterate]:
        """What the learner yields with the seed."""
        return self.run(self.seed)


def check_learner(learner: Any, game: Any, seed: int = 0) -> None:
    """Raise an error that names the first fault of a learner, if it has one.

    Every clause runs the learner anew, one goes on from each of its iterates: give it few.

    Args:
        learner: Any learner, a user's own included; three or four iterations are enough.
        game: A game it learns from, a small one.
        seed: Of the learner.

    Raises:
        ContractError: An AssertionError that says how, where, and what to do about it.
    """
    trial = Trial(learner, game, seed)
    for clause in CLAUSES:
        check_clause(clause, trial)


def check_clause(clause: Clause, trial: Trial) -> None:
    """Check one clause.

    Raises:
        ContractError: If the learner breaks it, or fails in any other way while it is checked.
    """
    clause.require(type(trial.learner).__name__, trial)


def declaration(trial: Trial) -> None:
    """A learner is a frozen keyword dataclass with iterations, learn and facts about itself."""
    learner: Any = trial.learner
    cls: Any = type(learner)
    name = cls.__name__
    params = getattr(cls, "__dataclass_params__", None)
    frozen = params is not None and params.frozen
    keyword = frozen and all(field.kw_only for field in dataclasses.fields(cls))
    require(keyword, f"{name} must be declared with @dataclass(frozen=True, kw_only=True)")
    require(callable(getattr(learner, "learn", None)), f"{name} has no method learn: define it")
    number = getattr(learner, "iterations", None)
    whole = type(number) is int and number >= 1
    require(whole, f"{name} needs a parameter iterations, an int of at least 1, got {number!r}")
    try:
        declared = facts(learner)
    except TypeError as error:
        raise ContractError(str(error)) from error
    kind = trial.game.kind
    fits = not declared.kinds or kind in declared.kinds
    cure = "check it on another game, or say so in learns"
    require(
        fits, f"{name} learns from {', '.join(declared.kinds)} games, this is a {kind} one: {cure}"
    )
    same = repr(dataclasses.replace(learner)) == repr(learner)
    cure = "its parameters need words of their own"
    require(same, f"{name} must read as dataclasses.replace(it) does, {learner!r:.80}: {cure}")
    cure = "take numbers, words, arrays, and tuples and dataclasses of them"
    known = known_recipe(learner) is not None
    require(known, f"{name} has parameters from which a saved run cannot build it again: {cure}")
    try:
        pickle.loads(pickle.dumps(learner))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        cure = "define the class at the top of a module"
        raise ContractError(f"{name} cannot be pickled ({error}): {cure}") from error


def iteration(trial: Trial) -> None:
    """Learn yields iterates of arrays whose numbers grow, up to the number of iterations."""
    name, before, samples = type(trial.learner).__name__, 0, 0
    for one in trial.learner.learn(trial.game, trial.seed):
        require(isinstance(one, Iterate), f"{name} must yield agents.Iterate, got {one!r:.80}")
        grows = type(one.iteration) is int and one.iteration > before
        require(grows, f"iterate {one.iteration!r} comes after {before}: count 1, 2, ... as ints")
        place = f"of iterate {one.iteration}"
        counted = type(one.samples) is int and one.samples >= samples
        cure = "count all transitions so far, as an int"
        require(counted, f"samples {place} are {one.samples!r}, {samples} before: {cure}")
        require(type(one.memory) is dict, f"memory {place} must be a dict, got {one.memory!r:.80}")
        for part, value in _arrays(one).items():
            right = isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "biuf"
            require(right, f"{part} {place} must be an array of numbers, got {value!r:.80}")
        before, samples = one.iteration, one.samples
    last = trial.learner.iterations
    cure = "the last one has that number, yield it even if nothing changes any more"
    require(before == last, f"{name} ends with iterate {before} of {last} iterations: {cure}")


def policy(trial: Trial) -> None:
    """The policy of every iterate is one of the game."""
    learner, game = trial.learner, trial.game
    if game.kind not in facts(learner).kinds:  # every player has its own
        return
    for one in trial.iterates:
        try:
            if game.kind == "finite":
                policies.policy_table(game, one.policy)
            elif hasattr(learner, "policy"):
                followed = learner.policy(game, one, trial.seed)
                if game.kind == "continuous":
                    env = BatchEnv(game, 1, PLAYERS, trial.seed)
                    env.reset()
                    env.rollout(followed, 1)
        except (ValueError, TypeError) as error:
            place = f"the policy of iterate {one.iteration}"
            raise ContractError(f"{place} is invalid in {game.name}: {error}") from error


def purity(trial: Trial) -> None:
    """What was yielded, the game and the learner stay as they are while it goes on."""
    name, before = type(trial.learner).__name__, (repr(trial.game), repr(trial.learner))
    kept, copies = [], []
    for one in trial.learner.learn(trial.game, trial.seed):
        kept.append(one)
        copies.append(_copied(one))
    for one, copy in zip(kept, copies, strict=True):
        part = difference(one, copy)
        cure = "compute a new array instead"
        require(not part, f"{name} changes {part} of iterate {copy.iteration} later: {cure}")
    after = (repr(trial.game), repr(trial.learner))
    require(before == after, f"{name} changes its game or itself while it learns: keep both")


def repetition(trial: Trial) -> None:
    """The same seed gives the same bits."""
    cure = "draw from numpy.random.default_rng of the seed and the iteration"
    _require_same(trial.iterates, trial.run(trial.seed), "when it runs again", cure)


def seeds(trial: Trial) -> None:
    """Another seed gives something else, unless nothing is random."""
    name, other = type(trial.learner).__name__, trial.run(trial.seed + 1)
    if not facts(trial.learner).random:
        cure = "do not say random = False"
        _require_same(trial.iterates, other, "with another seed", cure)
        return
    pairs = zip(trial.iterates, other, strict=True)
    cure = "say random = False if nothing is drawn"
    require(any(map(difference, *zip(*pairs, strict=True))),
            f"{name} yields the same with another seed: {cure}")  # fmt: skip


def resumption(trial: Trial) -> None:
    """From any iterate, written to a file and read again, it goes on to the same bits."""
    learner, game = trial.learner, trial.game
    header = header_of(learner, game, trial.seed, (), 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.npz"
        for i, one in enumerate(trial.iterates):
            save(path, Checkpoint(header, one, [], {}))
            found = read(path).last
            part, place = difference(one, found), f"iterate {one.iteration}"
            require(not part, f"{part} of {place} is another in its file: yield plain arrays")
            cure = "all it needs must be in the iterate: put the rest into memory"
            rest = trial.run(trial.seed, found)
            _require_same(trial.iterates[i + 1 :], rest, f"when it goes on from {place}", cure)


def seeds_side_by_side(trial: Trial) -> None:
    """Seeds that run side by side learn what each learns alone, if it runs them so."""
    if not facts(trial.learner).side_by_side:
        return
    both = [trial.seed, trial.seed + 1]
    together = trial.run(both)
    again = together[:1] + trial.run(both, _copied(together[0]))
    for words, run in (("side by side", together), ("side by side, gone on with", again)):
        for e, seed in enumerate(both):
            own = [per_seed(one)[e] for one in run]
            cure = "no seed may see another, and arrays have an entry a seed"
            _require_same(trial.run(seed), own, words, cure)


CLAUSES = tuple(
    Clause(check)
    for check in (
        *(declaration, iteration, policy, purity, repetition, seeds),
        *(resumption, seeds_side_by_side),
    )
)
"""What is checked of a learner, in turn; what comes later relies on what came before."""


def difference(one: Iterate, two: Iterate) -> str:
    """Return the first part in which the bits of two iterates differ, or an empty word."""
    for name in ("iteration", "samples"):
        if getattr(one, name) != getattr(two, name):
            return name
    parts, others = _arrays(one), _arrays(two)
    for name in dict.fromkeys([*parts, *others]):
        a, b = parts.get(name), others.get(name)
        if a is None or b is None or _bits(a) != _bits(b):
            return name
    return ""


def _require_same(wanted: list[Iterate], found: list[Iterate], when: str, cure: str) -> None:
    for one, two in zip(wanted, found, strict=False):
        part = difference(one, two)
        require(not part, f"{part} of iterate {one.iteration} is another {when}: {cure}")
    numbers = [[one.iteration for one in run] for run in (wanted, found)]
    cure = "yield the iterates that are left, none at the end"
    require(
        len(wanted) == len(found), f"iterates are {numbers[1]}, not {numbers[0]}, {when}: {cure}"
    )


def _arrays(one: Iterate) -> dict[str, Any]:
    parts = {name: getattr(one, name) for name in ("policy", "mean_field", "q")}
    return parts | {f"memory[{name!r}]": part for name, part in one.memory.items()}


def _bits(value: Any) -> tuple[str, tuple[int, ...], bytes]:
    array = np.asarray(value)
    return array.dtype.str, array.shape, array.tobytes()


def _copied(one: Iterate) -> Iterate:
    parts = {name: np.array(getattr(one, name)) for name in ("policy", "mean_field", "q")}
    return one._replace(**parts, memory={key: np.array(part) for key, part in one.memory.items()})
