"""A normalizing flow of the cube [-1, 1]^d given time: autoregressive rational-quadratic splines.

Each layer maps the cube onto itself, one component after the other (Durkan et al. 2019, "Neural
Spline Flows", arXiv:1906.04032)::

    y_i = spline(x_i; network_i(t, x_1 .. x_{i-1}))         log p(x | t) = sum log dy/dx - d log 2

so that in the end y is even; every other layer takes the components the other way round.  A spline
has, between knots (x0, y0) and (x1, y1) with slopes d0 and d1, s = (y1 - y0) / (x1 - x0) and
z = (x - x0) / (x1 - x0)::

    y = y0 + (y1 - y0) (s z^2 + d0 z (1 - z)) / (s + (d0 + d1 - 2 s) z (1 - z))

zuko's has slope 1 at its ends, for tails.  A density at the border that is not the even one is
costly then, so here the ends are knots like all others.

First components depend on t alone: their networks run once for each time, not for each point.
Networks see sines and cosines of the components before: walls make laws that change quickly.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Transform
from torch.nn import functional
from zuko.transforms import MonotonicRQSTransform

from mfg_envs.game import Array
from mfg_envs.numerics import random

LEAST = 1e-3
"""Least share of the interval in a bin, and least slope at a knot."""
EDGE = 1 - 1e-6
"""What is nearer to a face of the cube is moved to here: single precision ends there."""
OCTAVES = 4
"""Of the sines and cosines of a component."""

Maps = list[tuple[Tensor, Tensor]]


class BoxSpline(MonotonicRQSTransform):
    """Map [-1, 1] onto itself by increasing splines, one for each of *inner.

    Args:
        raw: Unconstrained widths, heights and log slopes, (*inner, 3 * bins + 1); with all zeros
            the spline is the identity.
        bins: Of a spline, below 1 / LEAST.
    """

    def __init__(self, raw: Tensor, bins: int) -> None:
        Transform.__init__(self)  # not zuko's, which fixes the slopes at the ends
        shares = raw[..., : 2 * bins].unflatten(-1, (2, bins)).softmax(-1).cumsum(-1)
        floor = bins * LEAST
        even = torch.linspace(-floor, floor, bins + 1, dtype=raw.dtype, device=raw.device)
        knots = functional.pad(shares, (1, 0)) * (2 - 2 * floor) + (even + floor - 1)
        self.table = torch.cat([knots, raw[..., None, 2 * bins :]], -2)
        self.horizontal, self.vertical, _ = self.table.unbind(-2)

    def bin(self, k: Tensor) -> tuple[Tensor, ...]:
        """Return what zuko's does of bins (*inner): a mask, x0, x1, y0, y1, d0, d1, s.

        What lies on an end, or beyond by rounding, counts to the last bin there.
        """
        k = k.clamp(0, self.bins - 1)
        where = torch.stack((k, k + 1), -1)[..., None, :].expand(*k.shape, 3, 2)
        ends = self.table.expand(*k.shape, *self.table.shape[-2:]).gather(-1, where)
        (x0, x1), (y0, y1), raw = (v.unbind(-1) for v in ends.unbind(-2))
        d0, d1 = (torch.exp(d / (1 - abs(d) / math.log(LEAST))) for d in raw)
        inside = torch.ones_like(k, dtype=torch.bool)
        return inside, x0, x1, y0, y1, d0, d1, (y1 - y0) / (x1 - x0)

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return images and log slopes: zuko's values with half of its operations."""
        _, x0, x1, y0, y1, d0, d1, s = self.bin(self.searchsorted(self.horizontal, x) - 1)
        z = (x - x0) / (x1 - x0)
        bow, bend = z - z * z, d0 + d1 - 2 * s
        part = s / (s + bend * bow)
        y = y0 + (y1 - y0) * (z + (d0 / s - 1) * bow) * part
        return y, torch.log(part * part * (d0 + (d1 - d0) * z - bend * bow))


class CubeFlow(NamedTuple):
    """The sizes of a flow; its weights are one flat tensor.

    Attributes:
        dim: Components d of a point.
        clock: Numbers that say what time it is, F.
        layers: Maps of the cube onto itself, one after the other.
        bins: Of a spline.
        hidden: Widths of the hidden layers of a network.
    """

    dim: int
    clock: int
    layers: int
    bins: int
    hidden: tuple[int, ...]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Inputs and outputs of all affine maps: layer by layer, component by component."""
        return [
            shape
            for _ in range(self.layers)
            for k in range(self.dim)
            for shape in pairwise(
                (self.clock + k * (1 + 2 * OCTAVES), *self.hidden, 3 * self.bins + 1)
            )
        ]

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum((n + 1) * m for n, m in self.shapes)

    def first(self, seed: int) -> Array:
        """Draw weights (P,) as PyTorch's ``Linear`` does, but zeros where a network ends.

        So at first the flow is the identity, and its law even.
        """
        ends = len(self.hidden) + 1
        reach = [
            np.full((n + 1) * m, 0.0 if i % ends == ends - 1 else n**-0.5)
            for i, (n, m) in enumerate(self.shapes)
        ]
        return np.concatenate(reach) * (2 * random.uniform(random.seed_key(seed), self.size) - 1)

    def log_density(self, weights: Tensor, clock: Tensor, x: Tensor) -> Tensor:
        """Return log p(x | t), (L, M), of points (L, M, d) at times (L, F)."""
        total = x.new_full(x.shape[:2], -self.dim * math.log(2))
        for order, networks in self._layers(weights):
            x, y = x.clamp(-EDGE, EDGE), {}
            for k, i in enumerate(order):
                spline = self._spline(networks[k], clock, x[..., order[:k]])
                y[i], slope = spline.call_and_ladj(x[..., i])
                total = total + slope
            x = torch.stack([y[i] for i in range(self.dim)], -1)
        return total

    def from_even(self, weights: Tensor, clock: Tensor, y: Tensor) -> Tensor:
        """Return what becomes of even points (L, M, d) of the cube at times (L, F)."""
        for order, networks in reversed(self._layers(weights)):
            y, x = y.clamp(-EDGE, EDGE), y.clone()
            for k, i in enumerate(order):
                spline = self._spline(networks[k], clock, x[..., order[:k]])
                x[..., i] = spline._inverse(y[..., i])
            y = x
        return y

    def _layers(self, weights: Tensor) -> list[tuple[list[int], list[Maps]]]:
        """Return of each layer the order of the components, and their networks."""
        shapes, ends = self.shapes, len(self.hidden) + 1
        parts = weights.split([size for n, m in shapes for size in (n * m, m)])
        maps = [(parts[2 * i].view(n, m), parts[2 * i + 1]) for i, (n, m) in enumerate(shapes)]
        networks = [maps[i : i + ends] for i in range(0, len(maps), ends)]
        order = list(range(self.dim))
        return [
            (order[:: -1 if layer % 2 else 1], networks[layer * self.dim :][: self.dim])
            for layer in range(self.layers)
        ]

    def _spline(self, network: Maps, clock: Tensor, before: Tensor) -> BoxSpline:
        """Return the splines of a component, (L, M), or (L, 1) if no component is before it."""
        (matrix, bias), *rest = network
        out = torch.addmm(bias, clock, matrix[: self.clock])[:, None]
        if before.shape[-1]:
            turns = [math.pi * 2**j * before for j in range(OCTAVES)]
            waves = [wave(turn) for turn in turns for wave in (torch.sin, torch.cos)]
            out = out + torch.cat([before, *waves], -1) @ matrix[self.clock :]
        for matrix, bias in rest:
            out = torch.addmm(bias, torch.relu(out).flatten(0, 1), matrix).view(*out.shape[:2], -1)
        return BoxSpline(out, self.bins)
