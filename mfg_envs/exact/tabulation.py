"""From what acts to a table: the probabilities of the actions in every private state.

A trained model sees observations: of its state, of the time, of the crowd.  The crowd is the one
that the model makes itself, so the table is found by walking the flow::

    policy_t(a|x) = law of the model in state x, seeing (x, t, m_t),     m_t = mean field of mu_t
    mu_{t+1}(y)   = sum_{x,a,w} mu_t(x) policy_t(a|x) noise_law(w) 1{step(t, x, a, m_t, w) = y}

In a stationary game the same walk goes on, lazily, until the crowd stands still.  The table plays
as the model does in the limit of many players, and everything that takes a table then holds for
the model: ``exact.exploitability`` above all.

Of a mixture, whose players keep what they have drawn, it is what those who are in a state do:
``sum_k w_k mu^k_t(x) policy^k_t(a|x) / sum_k w_k mu^k_t(x)``, which makes the same flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mfg_envs.exact import stationary
from mfg_envs.exact.tables import crowd, kernel, push
from mfg_envs.game import Array, FiniteGame, as_array
from mfg_envs.game.kinds import check_finite
from mfg_envs.numerics.memory import check_memory
from mfg_envs.players.forms import acting_policy
from mfg_envs.players.mixtures import Mixture
from mfg_envs.players.policy import Policy
from mfg_envs.soundness.initial_laws import initial_law

CHUNK = 1 << 16
"""States a model is asked about at once."""
SETTLED, MAX_LEAPS, MAX_STEPS = 1e-9, 50, 20_000
"""When a crowd that sees itself stands still (L1 change), and how long it may take: in leaps, to
where it settles if all go on as they do now, and in lazy steps."""
ROUNDING, PATIENCE = 1e-6, 30
"""A crowd that moves by less, and has come no nearer to rest in so many steps, is at rest as far as
a model can see: observations are of single precision."""


def tabulate(
    model: Any,
    game: FiniteGame,
    *,
    observe: Sequence[str] | None = None,
    epsilon: float = 0.0,
    deterministic: bool = False,
    mean_fields: Array | None = None,
) -> Array:
    """Return what a model does, as a table: its probabilities in every private state.

    Args:
        model: A model of Stable-Baselines3 (PPO, A2C and MaskablePPO say their probabilities; DQN
            and QR-DQN do what they find best), anything else with ``predict``, a torch module that
            gives logits, a function (t, states) -> actions that draws nothing, a ``Policy`` of
            your own with ``law``, or a mixture of them (``mfg_envs.mixture``).
        game: The game.
        observe: What a model sees, see ``mfg_envs.players.observers.Observer``; None: what its own
            environment shows if that is one of ours, else the parts by default.
        epsilon: Chance of an evenly drawn legal action instead.
        deterministic: Whether a model does what it finds most probable, as its
            ``predict(deterministic=True)``.
        mean_fields: What those who see the crowd meet, (T, P), or (P,) in a stationary game (with
            a mean field of controls (T, P, A), (P, A)); None: the crowd that the model makes.

    Returns:
        (T, S, A), or (S, A) in a stationary game; illegal actions have no mass.

    Raises:
        TypeError: If it is no such model.
        ValueError: If it sees or does something else than players of this game, its probabilities
            are not known, it has a memory or learned through wrappers that are not known here, or
            a wrong ``mean_fields`` is given.
        RuntimeError: If the crowd of a stationary game, seeing itself, does not come to rest.
    """
    check_finite(game)
    how: Any = {"observe": observe, "epsilon": epsilon, "deterministic": deterministic}
    acting = acting_policy(game, model, **how)
    if acting is None:
        axes = "(S, A)" if game.horizon is None else "(T, S, A)"
        raise TypeError(
            f"policy must be an array {axes} of probabilities, a model of Stable-Baselines3, a"
            f" torch module, a function of (t, x) or a Policy, got {model!r:.200}"
        )
    T = game.horizon or 1
    check_memory(T * game.num_states, 8 * game.num_actions, "horizon * num_states")
    if mean_fields is not None:
        mean_fields = as_array("mean_fields", mean_fields)
        wanted = (*([T] if game.horizon else []), *game.mean_field_shape)
        if mean_fields.shape != wanted:
            raise ValueError(f"mean_fields must have shape {wanted}, got {mean_fields.shape}")
    walk = _Walk(game, acting)
    if game.horizon is None:
        return walk.settle(mean_fields)
    return walk.through(mean_fields)


class _Walk:
    """A population on its way, in parts that follow one policy each."""

    def __init__(self, game: FiniteGame, policy: Policy) -> None:
        mixed = isinstance(policy, Mixture)
        self.game = game
        self.parts = policy.parts if mixed else (policy,)
        self.weights = policy.weights if mixed else np.ones(1)
        self.laws = np.repeat(initial_law(game)[None], len(self.parts), 0)
        """Of the private states of each part, (K, S)."""

    def through(self, mean_fields: Array | None) -> Array:
        """Return the table of a game with an end, (T, S, A)."""
        T, follows = self.game.horizon or 1, self._follows(mean_fields)
        policy = np.empty((T, self.game.num_states, self.game.num_actions))
        for t in range(T):
            m = self._seen() if mean_fields is None else mean_fields[t]
            rules = self._rules(t, m)
            policy[t] = self._together(rules)
            if follows and t + 1 < T:
                self.laws = self._pushed(t, rules, None if mean_fields is None else m)
        return policy

    def settle(self, mean_field: Array | None) -> Array:
        """Return the table of a stationary game, (S, A), in the crowd that stands still."""
        rules = self._rules(0, self._seen() if mean_field is None else mean_field)
        if not self._follows(mean_field):
            return rules[0]
        sees = mean_field is None and any(part.reads_crowd for part in self.parts)
        change = least = np.inf
        stalled = 0
        for k in range(MAX_LEAPS + MAX_STEPS):
            leaps = len(rules) == 1 and k < MAX_LEAPS
            after = self._leapt(rules[0]) if leaps else self._pushed(0, rules, mean_field)
            change = float(np.abs(self.weights @ (after - self.laws)).sum())
            stalled = 0 if change < least else stalled + 1
            least = min(change, least)
            if change < SETTLED or (change < ROUNDING and stalled > PATIENCE):
                return self._together(rules)
            self.laws = after if leaps and k < MAX_LEAPS // 2 else (self.laws + after) / 2
            if sees:  # else all go on as they do
                rules = self._rules(0, self._seen())
        raise RuntimeError(
            f"the crowd that follows the model still moves by {change:.2g} after"
            f" {MAX_LEAPS + MAX_STEPS} steps (tolerance {SETTLED:.2g}): it may cycle, since what it"
            " does depends on the crowd; give the mean field that it is to see, mean_fields=..."
        )

    def _follows(self, mean_fields: Array | None) -> bool:
        """Return whether the table depends on where the population goes."""
        sees = mean_fields is None and any(part.reads_crowd for part in self.parts)
        return sees or len(self.parts) > 1

    def _seen(self) -> Array:
        """Return the mean field before anybody acts: of controls, every action alike."""
        law = self.weights @ self.laws
        if self.game.mean_field_of_controls:
            law = np.repeat(law[:, None] / self.game.num_actions, self.game.num_actions, -1)
        return self.game.crowd(law)

    def _rules(self, t: int, m: Array) -> list[Array]:
        """Return what each part does, (S, A) each."""
        S = self.game.num_states
        chunks = [np.arange(b, min(b + CHUNK, S))[None] for b in range(0, S, CHUNK)]
        return [np.concatenate([part.law(t, x, m[None])[0] for x in chunks]) for part in self.parts]

    def _together(self, rules: list[Array]) -> Array:
        """Return what players do who are in a state, (S, A)."""
        if len(rules) == 1:
            return rules[0]
        here = self.weights[:, None] * self.laws
        empty = here.sum(0) == 0
        here[:, empty] = self.weights[:, None]
        return np.einsum("ks,ksa->sa", here / here.sum(0), np.stack(rules))

    def _leapt(self, rule: Array) -> Array:
        """Return where a population that goes on with a rule settles, (1, S)."""
        most = stationary.SETTLED, stationary.MAX_STEPS
        return stationary.settled(self.game, rule, *most)[None]

    def _pushed(self, t: int, rules: list[Array], met: Array | None) -> Array:
        """Return the laws of all parts one step later, (K, S), in the mean field met or theirs."""
        if met is None:
            met = crowd(self.game, self.weights @ self.laws, self._together(rules))
        moves = kernel(self.game, t, met)
        parts = zip(self.laws, rules, strict=True)
        return np.stack([push(self.game, moves, law, own) for law, own in parts])
