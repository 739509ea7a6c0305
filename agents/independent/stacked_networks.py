"""One small network per player, all evaluated at once: weights stacked along the first axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor


class Shape(NamedTuple):
    """A policy network and a value network, as Stable-Baselines3's ``MlpPolicy`` has them.

    Attributes:
        observation: Numbers observed, D.
        hidden: Widths of the hidden layers, the same for both networks.
        actions: Number of actions, or of their components.
        discrete: Whether the policy draws one of ``actions``; else a Gaussian in as many
            dimensions, whose standard deviations are parameters of their own.
    """

    observation: int
    hidden: tuple[int, ...]
    actions: int
    discrete: bool

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Rows and columns of every weight, policy network first."""
        sizes = (self.observation, *self.hidden)
        inner = list(pairwise(sizes))
        return [*inner, (sizes[-1], self.actions), *inner, (sizes[-1], 1)]

    @property
    def parts(self) -> list[int]:
        """Numbers in every weight and bias in turn, and in the log standard deviations."""
        both = [size for rows, columns in self.layers for size in (rows * columns, columns)]
        return both if self.discrete else [*both, self.actions]


def first_weights(shape: Shape, num_players: int, generator: torch.Generator) -> Tensor:
    """Draw weights (N, P): orthogonal with the gains of Stable-Baselines3, biases zero."""
    depth = len(shape.hidden)
    gains = [2**0.5] * depth + [0.01] + [2**0.5] * depth + [1.0]
    parts = []
    for (rows, columns), gain in zip(shape.layers, gains, strict=True):
        long, short = max(rows, columns), min(rows, columns)
        normal = torch.randn(num_players, long, short, generator=generator)
        q, r = torch.linalg.qr(normal)
        q = q * torch.sign(torch.diagonal(r, dim1=-2, dim2=-1))[:, None]
        weight = q if rows >= columns else q.transpose(1, 2)
        parts += [gain * weight.reshape(num_players, -1), torch.zeros(num_players, columns)]
    if not shape.discrete:
        parts.append(torch.zeros(num_players, shape.actions))
    return torch.cat(parts, 1)


def descend(
    weights: Tensor, gradient: Tensor, moments: Tensor, steps: int, learning_rate: float
) -> Tensor:
    """Return weights after a step of Adam (Kingma and Ba, arXiv 1412.6980); changes the moments.

    Args:
        weights: (N, P).
        gradient: (N, P).
        moments: Running means of the gradient and of its square, (2, N, P).
        steps: Number of this step, from 1.
        learning_rate: Of this step.
    """
    mean, square = moments
    mean.lerp_(gradient, 0.1)
    square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
    scale = (square / (1 - 0.999**steps)).sqrt_().add_(1e-5)
    return weights.addcdiv(mean, scale, value=-learning_rate / (1 - 0.9**steps))


class Networks(NamedTuple):
    """Views of stacked weights.

    Attributes:
        shape: Of the networks.
        parts: Weights (N, in, out) and biases (N, 1, out) in turn; log deviations (N, 1, A) last.
    """

    shape: Shape
    parts: Sequence[Tensor]

    @staticmethod
    def of(shape: Shape, weights: Tensor) -> Networks:
        """Return the networks whose weights are (N, P)."""
        flat = weights.split(shape.parts, 1)
        views: list[Tensor] = []
        for k, (rows, columns) in enumerate(shape.layers):
            views += [flat[2 * k].unflatten(1, (rows, columns)), flat[2 * k + 1][:, None]]
        views += [part[:, None] for part in flat[2 * len(shape.layers) :]]
        return Networks(shape, views)

    def policy(self, observation: Tensor) -> Tensor:
        """Return logits, or means of actions, (N, R, A), of observations (N, R, D)."""
        return self._forward(observation, 0)

    def value(self, observation: Tensor) -> Tensor:
        """Return values (N, R) of observations (N, R, D)."""
        return self._forward(observation, len(self.shape.hidden) + 1)[..., 0]

    def log_probability(self, output: Tensor, action: Tensor) -> Tensor:
        """Return log densities (N, R) of actions, given the policy's output."""
        if self.shape.discrete:
            return output.log_softmax(-1).gather(-1, action[..., None])[..., 0]
        log_std = self.parts[-1]
        gap = (action - output) / log_std.exp()
        return (-0.5 * gap**2 - log_std - 0.9189385332046727).sum(-1)

    def entropy(self, output: Tensor) -> Tensor:
        """Return entropies of the policy, (N, R) or a shape that broadcasts to it."""
        if self.shape.discrete:
            logs = output.log_softmax(-1)
            return -(logs.exp() * logs).sum(-1)
        return (self.parts[-1] + 1.4189385332046727).sum(-1)

    def draw(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Draw actions, int64 (N, R) or float32 (N, R, A)."""
        if self.shape.discrete:
            u = torch.rand(output.shape, generator=generator).clamp_min(1e-30)
            return (output - (-u.log()).log()).argmax(-1)
        return output + self.parts[-1].exp() * torch.randn(output.shape, generator=generator)

    def _forward(self, x: Tensor, first: int) -> Tensor:
        depth = len(self.shape.hidden)
        for k in range(first, first + depth + 1):
            x = torch.baddbmm(self.parts[2 * k + 1], x, self.parts[2 * k])
            if k < first + depth:
                x = x.tanh()
        return x
