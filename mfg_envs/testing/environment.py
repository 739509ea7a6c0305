"""The contract of environments: ``check_env`` goes through it, a small function for each clause."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import re
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from mfg_envs.testing.contract import ContractError, require
from mfg_envs.testing.replay import Frame, Trial, actor, play, require_same, same, scribble


def check_env(
    env: Any, num_steps: int = 50, seed: int = 0, *, strict: bool = True, random: bool = True
) -> None:
    """Raise an error that names the first fault of a parallel environment, if it has one.

    The environment is played several times, and closed in the end.

    Args:
        env: Any PettingZoo ``ParallelEnv``.
        num_steps: Steps of an episode to look at, at least 2.
        seed: Of the environment and of the actions.
        strict: Ask for all that environments of this library promise; False: only for what
            PettingZoo asks of everybody.
        random: Whether different seeds must differ; False for a game without any chance.

    Raises:
        ContractError: An AssertionError that says how, where, and what to do about it.
    """
    identity(env)
    trial = Trial(env, seed, num_steps, random, [])
    trial = trial._replace(reference=play(trial, seed))
    for clause in (*PUBLIC, *(STRICT if strict else ()), closing):
        clause(trial)


def identity(env: Any) -> None:
    """It is a parallel environment that names its agents."""
    require(isinstance(env, ParallelEnv), f"{type(env).__name__} must derive from ParallelEnv")
    names = getattr(env, "possible_agents", None)
    cure = "set it in __init__ to the list of all names, each once"
    right = isinstance(names, list) and 0 < len(set(names)) == len(names)
    require(right, f"possible_agents is {names!r}: {cure}")


def attendance(trial: Trial) -> None:
    """Every dict has an entry for every agent that was alive, and the finished ones leave."""
    before = trial.reference[0].agents
    require(before, "agents is empty after reset(): set it to possible_agents[:]")
    for step, frame in enumerate(trial.reference):
        for what in Frame._fields[:-1] if step else ("observations", "infos"):
            missing = [agent for agent in before if agent not in getattr(frame, what)]
            require(not missing, f"{what} at step {step} lack {missing[:1]}: give one per agent")
        done = [a for a in frame.terminations if frame.terminations[a] or frame.truncations[a]]
        stay = [agent for agent in done if agent in frame.agents]
        require(not stay, f"{stay[:1]} is done at step {step} and still in agents: take it out")
        before = frame.agents


def ranges(trial: Trial) -> None:
    """Spaces are the same objects at every call, observations lie in them, rewards are finite."""
    for agent in trial.reference[0].agents:
        for kind in ("observation_space", "action_space"):
            one, two = (getattr(trial.env, kind)(agent) for _ in range(2))
            require(one is two, f"{kind}({agent!r}) is a new object at every call: keep one")
    for step, frame in enumerate(trial.reference):
        for agent, seen in frame.observations.items():
            space = trial.env.observation_space(agent)
            known = isinstance(seen, np.ndarray | np.generic | int | dict | tuple)
            if not (known and space.contains(seen)):
                where = f"the observation of {agent!r} at step {step}"
                cure = "scale it, or widen the space"
                raise ContractError(f"{where}, {seen!r}, is outside of {space}: {cure}")
        for agent, r in frame.rewards.items():
            right = np.ndim(r) == 0 and np.isrealobj(r) and np.isfinite(r)
            require(right, f"the reward of {agent!r} at step {step} is {r!r}, not a finite number")


def determinism(trial: Trial) -> None:
    """The seed decides the whole episode, in whatever order the actions come."""
    cure = "draw everything from a generator made in reset(seed), nothing from global ones"
    require_same(play(trial, trial.seed), trial.reference, f"the same seed was played; {cure}")
    backwards = play(trial, trial.seed, turn=lambda actions: dict(reversed(actions.items())))
    cure = "the actions came in another order; look them up by agent"
    require_same(backwards, trial.reference, cure)


def variety(trial: Trial) -> None:
    """Different seeds give different episodes."""
    others = (play(trial, trial.seed + i) for i in range(1, 4))
    require(
        not trial.random or not all(same(other, trial.reference) for other in others),
        "four seeds give the same episode: seed the generator in reset(seed), or say random=False"
        " if there is no chance in the game",
    )


def stream(trial: Trial) -> None:
    """Resets without a seed go on with the stream of the last seed."""
    first, again = ([play(trial, s) for s in (trial.seed, None, None, None)] for _ in range(2))
    for one, two in zip(first, again, strict=True):
        cure = "it follows the same seed; reset() must go on with the generator of reset(seed)"
        require_same(two, one, cure)
    fixed = trial.random and all(same(episode, trial.reference) for episode in first)
    require(not fixed, "reset() without a seed plays the first episode again: keep the generator")
    require(hasattr(trial.env, "np_random"), "np_random is missing: expose the generator")


def surface(trial: Trial) -> None:
    """Names, spaces and attributes are where other libraries look for them."""
    env, cls = trial.env, type(trial.env)
    cure = f"{cls.__name__} must list ParallelEnv itself among its bases: skrl looks for it there"
    require(ParallelEnv in cls.__bases__, cure)
    odd = [name for name in env.possible_agents if not re.fullmatch(r".+_\d+", str(name))]
    require(not odd, f"agent {odd[:1]} must be called <group>_<number>, such as player_0")
    for name in ("name", "render_modes", "render_fps", "is_parallelizable"):
        require(name in env.metadata, f"metadata lacks {name!r}")
    mode = getattr(env, "render_mode", "missing")
    known = mode is None or mode in env.metadata["render_modes"]
    require(known, f"render_mode is {mode!r}, it must be None or one of metadata['render_modes']")
    for name in ("num_envs", "device"):
        taken = f"{name} means something else to other libraries: call it otherwise"
        require(not hasattr(env, name), taken)
    for kind in ("observation_space", "action_space"):
        known = getattr(env, f"{kind}s", {})
        for agent in env.possible_agents:
            right = known.get(agent) is getattr(env, kind)(agent)
            require(right, f"{kind}s[{agent!r}] must be what {kind}({agent!r}) returns")
    for space in {id(s): s for s in env.observation_spaces.values()}.values():
        box = isinstance(space, spaces.Box) and space.dtype == np.float32 and space.is_bounded()
        flat = box and len(space.shape) == 1 and space.shape[0] >= 2
        plain = flat or isinstance(space, spaces.Discrete)
        require(plain, f"{space} must be Discrete, or a bounded float32 Box of 2 numbers or more")
    env.reset(seed=trial.seed)
    inside = len(env.state_space.shape) == 1 and env.state_space.contains(env.state())
    require(inside, f"state() must lie in state_space = {env.state_space}, which must be 1-D")
    if mode == "rgb_array":
        image = env.render()
        right = image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        require(right, f"render() must give uint8 (H, W, 3), got {image.dtype} {image.shape}")


def types(trial: Trial) -> None:
    """Numbers have the types that other libraries test for; all agents stay and end together."""
    env, agents = trial.env, trial.env.possible_agents
    keys = {tuple(info) for info in trial.reference[0].infos.values()}
    for step, frame in enumerate(trial.reference):
        whole = frame.agents in ([], agents) and all(list(e) == agents for e in frame[:-1] if e)
        require(whole, f"at step {step} some agents are missing: all stay until the end of all")
        for agent, seen in frame.observations.items():
            space = env.observation_space(agent)
            kind = getattr(seen, "dtype", type(seen))
            right = kind in (int, space.dtype)
            require(right, f"the observation of {agent!r} is {kind}, its space {space.dtype}")
        for what, wanted in (("rewards", float), ("terminations", bool), ("truncations", bool)):
            entries = getattr(frame, what)
            for agent, entry in entries.items():
                kind = f"{type(entry).__name__}, not a Python {wanted.__name__}: use .tolist()"
                require(type(entry) is wanted, f"{what}[{agent!r}] at step {step} is {kind}")
            one = what == "rewards" or len(set(entries.values())) <= 1
            require(one, f"{what} at step {step} differ: the episode must end for all together")
        keys |= {tuple(info) for info in frame.infos.values()}
        require(len(keys) == 1, f"infos have other keys at step {step}: {sorted(keys)}")
        numbers = (entry for info in frame.infos.values() for entry in info.values())
        require(all(map(np.isreal, numbers)), f"infos at step {step} hold more than numbers")


def freshness(trial: Trial) -> None:
    """What was returned belongs to the caller: it never changes, and nobody reads it again."""
    raw: list[Frame] = []
    copied = play(trial, trial.seed, after=raw.append)
    cure = "it has changed since it was returned; return new arrays and dicts at every step"
    require_same(raw, copied, cure)
    past: set[int] = {id(trial.env.possible_agents)}
    for step, frame in enumerate(raw):
        parts = [id(part) for part in (*frame[:-1], *frame.infos.values())]
        parts += [] if step else [id(frame.agents)]
        cure = "terminations and truncations, every info and every step need a dict of their own"
        twice = len(set(parts)) < len(parts) or past.intersection(parts)
        require(not twice, f"an object is returned twice, again at step {step}: {cure}")
        past.update(parts)

    cure = "the caller wrote into what it had got; keep and return copies"
    require_same(play(trial, trial.seed, after=scribble), trial.reference, cure)


def good_actions(trial: Trial) -> None:
    """Discrete actions may be any kind of whole number, or an array of one."""
    if not all(isinstance(space, spaces.Discrete) for space in trial.env.action_spaces.values()):
        return
    short = trial._replace(num_steps=2)
    forms = (int, np.int32, np.int64, np.asarray, lambda value: np.array([value]))
    for first in range(len(forms)):
        for stride in (0, 1):  # all alike, then a mixture

            def turn(actions: dict[Any, Any], at: int = first, stride: int = stride) -> Any:
                kinds = (forms[(at + stride * i) % len(forms)] for i in range(len(actions)))
                return {a: kind(actions[a]) for a, kind in zip(actions, kinds, strict=True)}

            try:
                played = play(short, trial.seed, turn=turn)
            except Exception as error:
                raise ContractError(
                    "actions may be int, np.int32, np.int64, arrays () and (1,), also mixed, but"
                    f" some raise {error!r}"
                ) from error
            require_same(played, trial.reference[:3], "actions were arrays, or of another type")


def bad_actions(trial: Trial) -> None:
    """Bad actions raise a ValueError that names the agent, and nothing has moved."""

    def attack(actions: dict[Any, Any]) -> None:
        *others, victim = actions
        space = trial.env.action_space(victim)
        values: list[Any] = [np.repeat([actions[victim]], 2, 0), np.nan, None, "up"]
        if isinstance(space, spaces.Discrete):
            values += [space.start - 1, space.start + space.n, 2**64, 0.5]
        elif isinstance(space, spaces.Box) and space.is_bounded():
            values += [space.low - 1, space.high + 1, np.full(space.shape, np.nan)]
        attacks = [(f"action {value!r}", victim, {**actions, victim: value}) for value in values]
        attacks.append(("no action", victim, {agent: actions[agent] for agent in others}))
        attacks.append(("any action", "nobody_0", {**actions, "nobody_0": actions[victim]}))
        for what, name, bad in attacks:
            cure = "check all actions before anything moves, raise a ValueError naming the agent"
            try:
                trial.env.step(bad)
            except ValueError as error:
                fault = f"{what} of {name!r} raises {error!r}, which does not name it: {cure}"
                require(repr(name) in str(error), fault)
            except Exception as error:
                raise ContractError(f"{what} of {name!r} raises {error!r}: {cure}") from error
            else:
                raise ContractError(f"{what} of {name!r} is accepted: {cure}")

    played = play(trial._replace(num_steps=2), trial.seed, before=attack)
    cure = "bad actions had been refused; check all actions before anything moves"
    require_same(played, trial.reference[:3], cure)


def ending(trial: Trial) -> None:
    """``max_cycles`` can be set, and an episode ends by its horizon or by truncation."""
    env, cycles = trial.env, getattr(trial.env, "max_cycles", None)
    require(cycles is not None, "max_cycles must be an attribute: PettingZoo's own test sets it")
    env.max_cycles = 2
    try:
        frames = play(trial, trial.seed)
        over = not env.agents and env.step({})
    finally:
        env.max_cycles = cycles
    require(len(frames) <= 3, "max_cycles was set to 2 and the episode goes on: read it in step()")
    ends = [all(flags.values()) for flags in (frames[-1].terminations, frames[-1].truncations)]
    cure = "terminated at the horizon, truncated by max_cycles, never both"
    require(sum(ends) == 1, f"in the end terminated is {ends[0]}, truncated {ends[1]}: {cure}")
    require(over == ({}, {}, {}, {}, {}), f"step({{}}) after the end gives {over}, not five dicts")


def copies(trial: Trial) -> None:
    """A copy made in the middle of an episode goes on as the original does."""
    ways = [("copy.deepcopy", copy.deepcopy), ("pickle", lambda e: pickle.loads(pickle.dumps(e)))]
    if importlib.util.find_spec("cloudpickle"):
        import cloudpickle

        ways.append(("cloudpickle", lambda e: pickle.loads(cloudpickle.dumps(e))))
    for way, make in ways:
        draw, twin = actor(trial), None
        trial.env.reset(seed=trial.seed)
        for step, frame in enumerate(trial.reference[:-1]):
            if step == len(trial.reference) // 2 - 1:
                try:
                    twin = make(trial.env)
                except Exception as error:
                    cure = "drop windows, threads and local functions in __getstate__"
                    raise ContractError(f"{way} raises {error!r}: {cure}") from error
            actions = draw(frame.agents, frame.observations)
            got = trial.env.step(actions)
            right = twin is None or same(twin.step(actions), got)
            require(right, f"{way} at half time: the copy goes on otherwise from step {step + 1}")
        right = twin is None or same(twin.reset(), trial.env.reset())
        require(right, f"{way}: the next episode of the copy is not that of the original")


def closing(trial: Trial) -> None:
    """Closing does no harm, twice neither."""
    try:
        trial.env.close()
        trial.env.close()
    except Exception as error:
        raise ContractError(f"close() must work, also twice; it raises {error!r}") from error


PUBLIC = (attendance, ranges, determinism, variety)
STRICT = (surface, types, freshness, stream, good_actions, bad_actions, ending, copies)
