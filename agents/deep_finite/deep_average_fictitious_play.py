"""Deep fictitious play in finite games: an average network of all responses so far.

Laurière et al., "Scalable Deep Reinforcement Learning Algorithms for Mean Field Games" (ICML 2022,
arXiv 2203.11973), D-AFP, after neural fictitious self-play (Heinrich and Silver 2016, arXiv
1603.01121).  In iteration k = 1, 2, ...

1. a best response to the mean field of the average policy is learned by deep Q-learning, from
   transitions of players who follow that policy more or less: Q is fitted to
   ``r + discount * max_b Q(x', b)``, and the response is greedy in Q (see ``fitted_q``);
2. players who follow the response leave what they did, (t, x, a), in a reservoir in which every
   response so far has the same share: each place of it goes to the new one with chance 1 / k;
3. the average network descends ``-log policy(a | t, x)`` over the reservoir.  Its optimum is the
   average of the responses, weighted by how often each is in x at t: that of ``FictitiousPlay``,
   in which the first policy, of players who act at random, is averaged too; here it is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mfg_envs.exact import policies
from mfg_envs.game import Array, Count, Positive, Probability
from mfg_envs.numerics import random

from ..runs.iterate import Iterate
from .network_learner import NetworkLearner, Study
from .walks import Walks, walk

NETWORKS = ("weights", "moments", "steps")


@dataclass(frozen=True, kw_only=True)
class DeepFictitiousPlay(NetworkLearner):
    """Average best responses, learned by deep Q-learning, in one network a decision.

    Among N players responses are learned inside populations, and followed against the mean of the
    populations' mean fields.

    Attributes:
        explore: The boldest player acts at random with this chance, the others less and less.
            Among N players they are part of the crowd that all meet: choose it small there.
        sweeps: Times that the target network is renewed in an iteration on a stationary game, with
            ``updates`` gradient steps each.
        batch: States, or entries of the reservoir at every decision, of a gradient step.
        average_updates: Gradient steps of an average network in an iteration.
        average_rate: Learning rate of the average networks.
    """

    explore: Probability = 1.0
    sweeps: Count = 10
    batch: Count = 4096
    average_updates: Count = 40
    average_rate: Positive = 0.01

    def begin(self, study: Study, /) -> Iterate:
        """Return the uniform policy, random networks and an empty reservoir."""
        policy = policies.uniform(study.game)
        networks = self._first_networks(study)
        memory = {f"average_{name}": part for name, part in networks.items()} | networks
        memory |= {"unit": np.array(0.0), "width": np.array(0.0)}
        memory |= {name: np.zeros((0, 0), np.int32) for name in ("states", "actions")}
        return Iterate(0, 0, policy, np.empty(0), np.zeros(policy.shape), memory)

    def improve(self, study: Study, last: Iterate, /) -> Iterate:
        """Return the average policy after one more response.

        The iterate's ``mean_field`` is what players have met in it, that of the average before; its
        ``q`` are the best values against it.
        """
        from .cloned_average import clone
        from .fitted_q import Fit, fitted_values, offsets, units

        game, k, networks = study.game, last.iteration + 1, study.networks
        walks = self._walks(study, k, last.policy, self.explore, anywhere=True)
        met = walks.mean_field if game.horizon is not None else walks.mean_field.mean(0)
        scales = float(last.memory["unit"]), float(last.memory["width"])
        scales = units(game, walks) if k == 1 else scales

        def ahead(t: int, q: Array) -> Array:
            return np.where(game.legal_actions, q, -np.inf).max(-1)

        networks.load(last.memory)
        fit = Fit(self.updates, self.sweeps, self.batch, self.learning_rate)
        none = np.zeros((networks.decisions, 1, 1))
        q = fitted_values(game, networks, walks, ahead, none, scales, fit, study.key_of(k, "fit"))
        memory = networks.save() | {"unit": np.array(scales[0]), "width": np.array(scales[1])}
        q = (q + offsets(game, walks)).reshape(last.policy.shape)
        played = self._play(study, k, policies.greedy(q, game.legal_actions), last.policy, met)
        memory |= _reservoir(study, k, last.memory, played)
        networks.load({name: last.memory[f"average_{name}"] for name in NETWORKS})
        updates, key = self.average_updates, study.key_of(k, "average")
        clone(networks, memory["states"], memory["actions"], updates, self.average_rate,
              self.batch, key)  # fmt: skip
        memory |= {f"average_{name}": part for name, part in networks.save().items()}
        policy = policies.softmax(networks.preferences(slice(None)), game.legal_actions)
        samples = last.samples + walks.state.size + played.state.size
        return Iterate(k, samples, policy.reshape(last.policy.shape), met, q, memory)

    def _play(self, study: Study, k: int, response: Array, average: Array, met: Array) -> Walks:
        """Follow players of a response; in a stationary game from where the average settles."""
        game, first = study.game, None
        if game.horizon is None:
            law = study.law(average)
            first = law.sum(-1) if game.mean_field_of_controls else law
        steps = self.num_steps if game.horizon is None else game.horizon
        key = study.key_of(k, "response")
        return walk(game, response, steps, self.num_players, met=met, explore=0.0, key=key,
                    first=first)  # fmt: skip


def _reservoir(
    study: Study, k: int, memory: Mapping[str, Array], played: Walks
) -> dict[str, Array]:
    """Return states and actions (T, R) in which the k-th response has its share."""
    shape = (study.networks.decisions, -1)
    new = {
        "states": played.state.reshape(shape).astype(np.int32),
        "actions": played.action.reshape(shape).astype(np.int32),
    }
    if k == 1:
        return new
    size = new["states"].size
    replaced = random.uniform(study.key_of(k, "reservoir"), size) < 1 / k
    replaced = replaced.reshape(new["states"].shape)
    return {name: np.where(replaced, part, memory[name]) for name, part in new.items()}
