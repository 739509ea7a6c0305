"""Density flow: the law p(x | t) of the players of a continuous game, fitted to their states.

As in Magnino et al., "Solving Continuous Mean Field Games" (arXiv:2510.22158), a time-conditioned
neural spline flow, see ``cube_flow``.  The box of the states is scaled to the cube that the flow
lives on, so its mass in the box is 1, whatever the weights are.  Where players can leave the box,
``tanh`` maps all of R^d into the cube first, and tails are those of the logistic law.  At t = 0
the law is the game's own initial law.
"""

from __future__ import annotations

import math

import numpy as np

from mfg_envs.game import Array, ContinuousGame, Normal, as_int, check_choice, check_range, density
from mfg_envs.numerics import random
from mfg_envs.numerics.memory import check_memory
from mfg_envs.soundness.initial_laws import initial_law

try:
    import torch
    from torch import Tensor

    from .cube_flow import CubeFlow
except ImportError as error:
    raise ImportError('DensityFlow needs PyTorch and zuko: pip install "mfg-envs[deep]"') from error

from ..runs.torch_state import device_of, one_thread
from .state_cube import StateCube

ATOM = 0.005
"""Players on the border, who have no density, are spread over so much of half the box's width."""
CLOCK = 4
"""Numbers that say what time it is."""
CHUNK = 2**13
"""Points that are mapped at once: their knots fit into the cache."""
LATTICE = 2**14
"""Points that a mean is taken over."""
FINENESS = {1: 8, 2: 2}
"""Points along each side of a cell over which its mass is summed, by dimension; else 1."""


class DensityFlow:
    """The law of the players at each time.

    On a CPU the same seed gives the same bits, on any number of threads; no global generator is
    touched.

    Args:
        game: A game with a horizon of at least 2.
        layers: Of the flow, from 1 to 100.
        bins: Of a spline, from 2 to 500.
        hidden: Widths of the hidden layers of a network, at least one.
        device: Of PyTorch: "cpu", "cuda", or "auto" for a GPU if there is one.
        seed: Of the first weights.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        game: ContinuousGame,
        *,
        layers: int = 3,
        bins: int = 16,
        hidden: tuple[int, ...] = (64, 64),
        device: str = "cpu",
        seed: int = 0,
    ) -> None:
        if game.horizon is None or game.horizon < 2:
            raise ValueError(f"horizon must be at least 2 for a density flow, got {game.horizon}")
        check_range("layers", as_int("layers", layers), 1, 100)
        check_range("bins", as_int("bins", bins), 2, 500)
        for width in hidden or (0,):
            check_range("hidden", as_int("hidden", width), 1, 10**5)
        check_choice("device", device, ("cpu", "cuda", "auto"))
        self._device = torch.device(device_of(device))
        self.game, self._horizon, self._cube = game, game.horizon, StateCube(game)
        self._flow = CubeFlow(game.state_dim, CLOCK, layers, bins, tuple(hidden))
        self.load(self._flow.first(seed))

    @property
    def weights(self) -> Array:
        """All weights, float32 (P,)."""
        return self._weights.cpu().numpy().copy()

    def load(self, weights: Array) -> None:
        """Take the weights (P,) of another flow for such a game, of the same sizes.

        Raises:
            ValueError: If their number is another one, or they are not finite.
        """
        flat = np.asarray(weights, np.float32)
        if flat.shape != (self._flow.size,) or not np.isfinite(flat).all():
            raise ValueError(
                f"weights must be {self._flow.size} finite numbers, got shape {flat.shape}:"
                " take those of a flow with the same state_dim, layers, bins and hidden"
            )
        self._weights = torch.tensor(flat, device=self._device)

    def fit(
        self,
        states: Array,
        *,
        steps: int,
        batch: int,
        learning_rate: tuple[float, float] = (3e-3, 1e-4),
        seed: int = 0,
    ) -> float:
        """Raise the likelihood of states by Adam, starting from the present weights.

        Args:
            states: Players at every time, (T, M, d); those at t = 0 are left out.
            steps: Steps of Adam, at least 1.
            batch: States in a step at least; equally many at every time.
            learning_rate: Of the first and of the last step, geometric in between.
            seed: Of the draws from the states.

        Returns:
            Mean negative log likelihood over the last tenth of the steps, in nats a state, the
            density being per unit of volume of the game.

        Raises:
            ValueError: If states have another shape, are not finite or outside of a closed box.
        """
        check_range("steps", as_int("steps", steps), 1)
        check_range("batch", as_int("batch", batch), 1)
        if not 0 < min(learning_rate) <= max(learning_rate) < math.inf:
            raise ValueError(f"learning_rate must be two positive numbers, got {learning_rate}")
        x, num = np.asarray(states, np.float64), -(-batch // (self._horizon - 1))
        if x.ndim != 3 or x.shape[::2] != (self._horizon, self.game.state_dim) or not x.size:
            wanted = f"(T, M, d) = ({self._horizon}, M, {self.game.state_dim})"
            raise ValueError(f"states must have shape {wanted}, got {x.shape}")
        x, log_slope = self._cube.into(x[1:])
        if not np.isfinite(log_slope).all():
            raise ValueError("states must be finite, and in the box if players cannot leave it")
        key = random.subkey(random.seed_key(seed), random.LEARNER)
        if self._cube.closed:
            u = random.uniform(random.subkey(key, 0), x.size).reshape(x.shape)
            x = np.where(np.abs(x) < 1 - 1e-9, x, np.sign(x) * (1 - ATOM * u))
        decay = (learning_rate[1] / learning_rate[0]) ** (1 / max(1, steps - 1))
        last: list[Tensor] = []
        with one_thread():
            weights = self._weights.clone().requires_grad_()
            adam = torch.optim.Adam([weights], learning_rate[0])
            points, clock = self._tensor(x), self._clock(np.arange(1, self._horizon))
            rows = torch.arange(len(x), device=self._device)[:, None]
            for i in range(steps):
                z = random.counter_bits(random.subkey(key, 1, i), len(x) * num)
                pick = torch.from_numpy(random.below(z, x.shape[1]).astype(np.int64))
                seen = points[rows, pick.view(len(x), num).to(self._device)]
                loss = -self._flow.log_density(weights, clock, seen).mean()
                adam.zero_grad()
                loss.backward()
                adam.step()
                adam.param_groups[0]["lr"] *= decay
                if i >= steps - max(1, steps // 10):
                    last.append(loss.detach())
            self._weights = weights.detach()
            return float(torch.stack(last).mean()) - float(log_slope.mean())

    @torch.no_grad()
    def log_density(self, t: float, x: Array) -> Array:
        """Return log p(x | t) of states (*inner, d), per unit of volume of the game: (*inner).

        Args:
            t: From 0 to T - 1, also between whole numbers; 0 is the initial law.
            x: States; outside of a box that players cannot leave the density is 0.

        Raises:
            ValueError: If t is out of its range, or is 0 and the initial law has no density.
        """
        check_range("t", t, 0, self._horizon - 1)
        x = np.asarray(x, np.float64)
        if t == 0:
            return _first_log_density(self.game, x)
        z, out = self._cube.into(x)
        possible = np.isfinite(out)
        points = self._tensor(z[possible])[None].split(CHUNK, 1)
        with one_thread():
            at = self._weights, self._clock(np.array([t]))
            logs = [self._flow.log_density(*at, some)[0] for some in points]
            out[possible] += torch.cat(logs).double().cpu().numpy()
        return out

    def sample(self, times: Array, num: int, seed: int = 0) -> Array:
        """Return ``num`` independent states at each of the times (L,), all at once: (L, num, d)."""
        times, num, d = np.asarray(times, np.float64), as_int("num", num), self.game.state_dim
        if times.ndim != 1 or not times.size:
            raise ValueError(f"times must be a row of numbers, got shape {times.shape}")
        check_range("num", num, 1)
        check_memory(len(times) * num, 40 * d, "times * num")
        keys = random.subkey(random.seed_key(seed), np.arange(len(times)))
        return self._quantiles(times, random.uniform(keys, num * d).reshape(len(times), num, d))

    def mean_fields(self) -> Array:
        """Return the mean field of the law at every time, (T, *mean_field_shape).

        A density is the mass of each cell, none of it in walls, smoothed as the game smooths its
        players.  A mean is taken over quantiles on a lattice (Roberts' additive recurrence).

        Raises:
            ValueError: If the mean field is a mean action, which takes a policy.
        """
        game, times = self.game, np.arange(self._horizon)
        if game.mean_field_of_controls:
            raise ValueError(
                "a mean action takes a policy, too: let it act on sample(times, num, seed)"
            )
        if game.mean_field_kind == "mean_state":
            ratio = 2.0
            for _ in range(100):  # the root of r^(d + 1) = r + 1
                ratio = (1 + ratio) ** (1 / (game.state_dim + 1))
            step = ratio ** -np.arange(1.0, game.state_dim + 1)
            u = (0.5 + np.arange(LATTICE)[:, None] * step) % 1
            return self._quantiles(times, np.tile(u, (self._horizon, 1, 1))).mean(1)
        fine = FINENESS.get(game.state_dim, 1)
        check_memory(math.prod(a.bins * fine for a in game.axes), 64 * game.state_dim, "cells")
        lines = []
        for axis in game.axes:
            middles = (np.arange(axis.bins * fine) + 0.5) / (axis.bins * fine)
            lines.append(axis.low + (axis.high - axis.low) * middles)
        points = np.stack(np.meshgrid(*lines, indexing="ij"), -1)
        split = tuple(size for axis in game.axes for size in (axis.bins, fine))
        rows = [density.of_law(game)]
        for t in times[1:]:
            p = np.exp(self.log_density(t, points)).reshape(split)
            h = p.sum(tuple(range(1, 2 * game.state_dim, 2))) * game.room
            rows.append(density.of_histogram(game, h.ravel() / h.sum()))
        return np.stack(rows)

    @torch.no_grad()
    def _quantiles(self, times: Array, u: Array) -> Array:
        """Return the states that the law at times (L,) puts in place of even numbers (L, M, d)."""
        if not ((times >= 0) & (times <= self._horizon - 1)).all():
            raise ValueError(f"times must be in [0, {self._horizon - 1}], got {times}")
        with one_thread():
            at = self._weights, self._clock(times)
            even = self._tensor(2 * u - 1).split(max(1, CHUNK // len(times)), 1)
            cube = torch.cat([self._flow.from_even(*at, some) for some in even], 1)
        edge = 1 - 2.0**-24  # splines end at 1 up to rounding
        x = self._cube.out_of(cube.double().cpu().numpy().clip(-edge, edge))
        first = times == 0
        x[first] = _first_states(self.game, u[first])
        return x

    def _clock(self, t: Array) -> Tensor:
        """Return what networks see of times (L,): (L, CLOCK)."""
        angle = np.pi * (2 * t / (self._horizon - 1) - 1)
        early = 2 * np.log1p(t) / np.log(self._horizon) - 1  # the first laws change quickly
        return self._tensor(np.stack([angle / np.pi, early, np.sin(angle), np.cos(angle)], -1))

    def _tensor(self, x: Array) -> Tensor:
        return torch.from_numpy(np.asarray(x, np.float32)).to(self._device)


def _first_states(game: ContinuousGame, u: Array) -> Array:
    """Return the quantiles (*inner, d) of the initial law at even numbers in [0, 1)."""
    out = np.empty(u.shape)
    for j, law in enumerate(initial_law(game)):
        if isinstance(law, Normal):
            normal = torch.special.ndtri(torch.from_numpy(u[..., j] + 2.0**-54))
            out[..., j] = law.mean + law.std * normal.numpy()
        else:
            out[..., j] = law.low + (law.high - law.low) * u[..., j]
    return out


def _first_log_density(game: ContinuousGame, x: Array) -> Array:
    """Return the log density (*inner) of the initial law at states (*inner, d)."""
    total = np.zeros(x.shape[:-1])
    for j, law in enumerate(initial_law(game)):
        if not (law.std if isinstance(law, Normal) else law.high - law.low) > 0:
            raise ValueError(
                f"component {j} of the initial law is one point, it has no density: ask at t > 0"
            )
        if isinstance(law, Normal):
            z = (x[..., j] - law.mean) / law.std
            total -= 0.5 * z * z + math.log(law.std * math.sqrt(2 * math.pi))
        else:
            inside = (x[..., j] >= law.low) & (x[..., j] <= law.high)
            total -= np.where(inside, math.log(law.high - law.low), np.inf)
    return total
