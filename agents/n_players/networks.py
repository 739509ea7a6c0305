"""Small networks of an observed state, the time and a mean action, as flat vectors of weights.

A state and a time each have a row of weights of their own (a layer on one-hot inputs), a mean
action is multiplied by a matrix; their sum goes through rectified layers::

    z = W_s[s] + W_t[t] + abar W_a + b,        out = ... relu(relu(z) W_1 + b_1) ...

Weights, and what Adam knows of them, are plain vectors, so that a run can go on from arrays.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

BETAS, FLOOR = (0.9, 0.999), 1e-8
"""Of Adam: Kingma, Ba (arXiv 1412.6980)."""


class Shape(NamedTuple):
    """What goes in and what comes out.

    Attributes:
        states: Observed states, O.
        times: Decisions T, or 1.
        others: Length of the mean action; 0: it is not looked at.
        hidden: Widths of the hidden layers, one at least.
        outputs: Numbers that come out.
    """

    states: int
    times: int
    others: int
    hidden: tuple[int, ...]
    outputs: int

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Rows and columns of the matrices, those of the first layer in turn."""
        first = [(rows, self.hidden[0]) for rows in (self.states, self.times, self.others)]
        return [*first, *pairwise((*self.hidden, self.outputs))]

    @property
    def size(self) -> int:
        """Numbers in the vector."""
        return sum(rows * columns for rows, columns in self.layers) + sum(self._biases)

    @property
    def _biases(self) -> tuple[int, ...]:
        return *self.hidden, self.outputs

    def first(self, generator: torch.Generator) -> Tensor:
        """Draw weights: normal, so that every layer keeps the size of what goes in."""
        parts = []
        for k, (rows, columns) in enumerate(self.layers):
            last = k == len(self.layers) - 1
            gain = 1.0 if k < 3 else 0.1 * rows**-0.5 if last else (2 / rows) ** 0.5
            parts.append(gain * torch.randn(rows * columns, generator=generator))
        return torch.cat([*parts, torch.zeros(sum(self._biases))])

    def __call__(self, weights: Tensor, s: Tensor, t: Tensor, others: Tensor) -> Tensor:
        """Return what comes out, (R, outputs), of states and times (R,) and mean actions (R, A)."""
        sizes = [rows * columns for rows, columns in self.layers]
        parts = weights.split([*sizes, *self._biases])
        tables = [p.view(shape) for p, shape in zip(parts, self.layers, strict=False)]
        biases = parts[len(sizes) :]
        z = tables[0].index_select(0, s) + tables[1].index_select(0, t) + biases[0]
        if self.others:
            z = torch.addmm(z, others, tables[2])
        for matrix, bias in zip(tables[3:], biases[1:], strict=True):
            z = torch.addmm(bias, z.relu(), matrix)
        return z


class Adam(NamedTuple):
    """A vector of weights and what the optimiser knows of it.

    Attributes:
        weights: (P,).
        moments: Running means of the gradient and of its square, (2, P).
        steps: Steps so far.
    """

    weights: Tensor
    moments: Tensor
    steps: int

    def descended(self, gradient: Tensor, rate: float) -> Adam:
        """Return what there is after a step."""
        steps, (one, two) = self.steps + 1, BETAS
        mean = self.moments[0].lerp(gradient, 1 - one)
        square = self.moments[1].lerp(gradient * gradient, 1 - two)
        scale = (square / (1 - two**steps)).sqrt_().add_(FLOOR)
        weights = self.weights.addcdiv(mean, scale, value=-rate / (1 - one**steps))
        return Adam(weights, torch.stack([mean, square]), steps)


def log_softmax(values: Tensor, legal: Tensor) -> Tensor:
    """Return the logarithms of a softmax over legal actions; illegal ones have a very low one."""
    return values.masked_fill(~legal, -1e9).log_softmax(-1)
