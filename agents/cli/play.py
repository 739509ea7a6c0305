"""``mfg-envs play``: watch a population play a game through PettingZoo, or film it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from mfg_envs.numerics.estimates import standard_error
from mfg_envs.registry import environment_class

from .acting import Actors, actors, saved_policy
from .words.estimates import estimate
from .words.films import check_film, write_film
from .words.names import (
    MOST,
    AnyGame,
    OwnLearner,
    Settings,
    changed_game,
    named_game,
    own_classes,
)
from .words.settings import parse
from .words.terminal import Terminal

STEPS = 100
"""Of an episode without an end."""
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
"""Variables that say where a window may open, outside of macOS and Windows."""


def register(app: typer.Typer) -> None:
    """Add the command ``play``."""
    app.command("play")(play_command)


def play_command(
    game: AnyGame,
    agents: Annotated[int, typer.Option(min=1, help="Players; locals of a team game.")] = 100,
    policy: Annotated[
        str, typer.Option(metavar="POLICY", help="random, equilibrium, or the folder of a run.")
    ] = "random",
    render: Annotated[
        str | None,
        typer.Option(metavar="HOW", help="human: a window; FILE.gif, FILE.mp4, FILE.png."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help=f"Steps; default: the horizon, or {STEPS}."),
    ] = None,
    fps: Annotated[float, typer.Option(min=0.1, max=100, help="Pictures a second.")] = 10.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the game and of the actions.")] = 0,
    settings: Settings = None,
    learner: OwnLearner = None,
) -> None:
    """Play one episode of N players; print what they earn, show it, or film it."""
    console = Terminal()
    film = None if render in (None, "human") else Path(str(render))
    if film is not None:
        check_film(film)
    elif render == "human":
        _check_display()
    own, given, saved = own_classes(game), parse(settings or ()), None
    if policy not in ("random", "equilibrium"):
        if not policy:
            raise ValueError("--policy must be random, equilibrium or the folder of a run, got ''")
        saved = saved_policy(Path(policy), own_classes(game, learner))
        if (type(saved.game) not in own) if own else (saved.game.name != game):
            raise ValueError(f"{policy} has learned {saved.header['game']}, not {game}")
    built = named_game(game, given) if saved is None else changed_game(saved.game, given)
    played = actors(policy, built, saved, seed)
    view = environment_class(built.kind)
    mode = "rgb_array" if film else render
    cycles = steps or built.horizon or STEPS
    env: Any = view(built, agents, max_cycles=cycles, render_mode=mode)
    env.metadata["render_fps"] = fps
    episode = _Episode(env, played, seed)
    try:
        if film is not None:
            write_film(film, episode.frames(), fps)
        else:
            for _ in episode.frames():
                if env.window is not None:
                    _check_window()
                    if env.window.closed:
                        break
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except RuntimeError as error:
        if type(error).__module__.startswith("pygame"):
            raise ValueError(f"no window can be opened: {error}; try --render FILE.gif") from error
        raise
    finally:
        env.close()
    console.print(episode.summary(), markup=False, highlight=False, soft_wrap=True)
    if film is not None:
        console.print(f"Wrote {film}", markup=False, highlight=False, soft_wrap=True)


def _check_display() -> None:
    """Refuse to open a window where there is no display."""
    everywhere = sys.platform in ("win32", "darwin")
    if not everywhere and not any(os.environ.get(name) for name in DISPLAYS):
        raise ValueError("--render human needs a display, there is none: try --render FILE.gif")


def _check_window() -> None:
    """Refuse to go on where SDL has found no display and draws into the void instead."""
    import pygame

    hidden = pygame.display.get_init() and pygame.display.get_driver() in ("dummy", "offscreen")
    if hidden and not os.environ.get("SDL_VIDEODRIVER"):
        raise ValueError("--render human: the display does not answer; try --render FILE.gif")


class _Episode:
    """One episode, and what everybody has earned in it."""

    def __init__(self, env: Any, played: Actors, seed: int) -> None:
        self.env, self.played, self.seed = env, played, seed
        self.returns, self.total, self.steps = np.zeros(len(env.possible_agents)), 0.0, 0

    def frames(self) -> Iterator[Any]:
        """Play, and yield the picture of every moment (None where nothing is filmed)."""
        env = self.env
        seen, _ = env.reset(seed=self.seed)
        yield env.render() if env.render_mode else None
        while env.agents:
            seen, rewards, *_ = env.step(self.played.act(env, seen))
            earned = np.fromiter(rewards.values(), float, len(rewards))
            self.returns += env.game.discount**self.steps * earned
            self.total += float(earned.mean())
            self.steps += 1
            yield env.render() if env.render_mode == "rgb_array" else None

    def summary(self) -> str:
        """Return what was played and earned, in two lines."""
        game, count = self.env.game, len(self.returns)
        team = game.kind == "team"
        who = f"{count - 1} locals and a global agent" if team else f"{count} players"
        line = f"{game.name}: {who}, {self.steps} steps, policy: {self.played.words}\n"
        error = 0.0 if team else standard_error(self.returns)
        each = "return of the team" if team else "mean return per player"
        discounted = f", discounted by {game.discount:g}" if game.discount < 1 else ""
        line += f"{each}: {estimate(float(self.returns.mean()), float(error))}{discounted}"
        return f"{line}; mean reward of a step: {self.total / max(self.steps, 1):.4g}"
