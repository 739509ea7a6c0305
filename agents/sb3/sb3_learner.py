"""Independent learners of Stable-Baselines3 as one learner of iterations.

``IndependentLearners`` (one model a player, de Witt et al., arXiv 2011.09533) takes an environment
and factories; here the same is declared by an algorithm's name and its parameters, so that runs,
sweeps and the command line can build it, cut it into iterations and go on from any of them::

    steps of every model after iteration k  =  k total_timesteps / iterations

An iteration begins with a new episode.  Schedules, the exploration of DQN and QR-DQN above all,
are those of the whole run.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pettingzoo import ParallelEnv

from mfg_envs.game import Array, Count, NonNegative, OneOf, Positive, Probability, check_range
from mfg_envs.numerics import random

from ..runs.iterate import Iterate
from ..runs.learner import Learner
from .algorithms import NAMES

if TYPE_CHECKING:
    from .sb3_training import Training


@dataclass(frozen=True, kw_only=True)
class IndependentSB3(Learner):
    """Train one Stable-Baselines3 model per player, all of one algorithm.

    On the command line it is called ``IndependentLearners``, too.  Parameters from
    ``learning_rate`` on are those of the algorithm, by the names it has for them; None: as it has
    them.

    Attributes:
        iterations: Parts of the run; after each there is an iterate to measure and to go on from.
        total_timesteps: Steps of every model in all, those of all copies counted; PPO, A2C and
            TRPO round them up to whole rollouts.
        algorithm: Of Stable-Baselines3 or sb3-contrib; DQN and QRDQN need finite games, SAC and
            TD3 continuous ones.
        copies: Copies of the game side by side; 1 where players leave at different times.
        learning_rate: Of the optimiser.
        gamma: Weight of the next step's value.
        n_steps: Steps of a rollout of each copy.
        batch_size: Transitions of a minibatch.
        n_epochs: Passes over a rollout.
        gae_lambda: Of generalised advantage estimation.
        clip_range: Range of the ratio of probabilities.
        ent_coef: Weight of the entropy bonus.
        vf_coef: Weight of the value loss.
        max_grad_norm: Greatest norm of a gradient.
        buffer_size: Transitions kept for replay; None: a million, or all of a shorter run.
        learning_starts: Steps before the first update.
        train_freq: Steps between updates.
        gradient_steps: Gradient steps of an update.
        target_update_interval: Steps between updates of the target network.
        exploration_fraction: Part of the run in which random actions become rare.
        exploration_final_eps: Chance of a random action after that.
        net_arch: Widths of the hidden layers.
    """

    learns: ClassVar[tuple[type, ...]] = (ParallelEnv,)
    units: ClassVar[dict[str, str]] = {
        "ent_coef": "units of q",
        "vf_coef": "per unit of q squared",
    }
    iterations: Count = 10
    total_timesteps: Count = 20_480
    algorithm: Annotated[str, OneOf(*NAMES)] = "PPO"
    copies: Count = 1
    learning_rate: Positive | None = None
    gamma: Probability | None = None
    n_steps: Count | None = None
    batch_size: Count | None = None
    n_epochs: Count | None = None
    gae_lambda: Probability | None = None
    clip_range: Positive | None = None
    ent_coef: NonNegative | None = None
    vf_coef: NonNegative | None = None
    max_grad_norm: Positive | None = None
    buffer_size: Count | None = None
    learning_starts: Count | None = None
    train_freq: Count | None = None
    gradient_steps: Count | None = None
    target_update_interval: Count | None = None
    exploration_fraction: Probability | None = None
    exploration_final_eps: Probability | None = None
    net_arch: tuple[Count, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("iterations", self.iterations, 1, self.total_timesteps)

    @property
    def parameters(self) -> dict[str, Any]:
        """Those of the algorithm that are given, by name."""
        names = [f.name for f in dataclasses.fields(self)]
        own = names[names.index("learning_rate") : names.index("net_arch")]
        return {name: value for name in own if (value := getattr(self, name)) is not None}

    def prepare(self, source: Any, seed: int, /) -> Training:
        """Return new models for all players of an environment.

        Args:
            source: A PettingZoo ``ParallelEnv``; ours are stepped as arrays.
            seed: Of the game and of the models' random numbers.

        Raises:
            TypeError: If ``source`` is no ``ParallelEnv``.
            ValueError: If a parameter is not one of the algorithm's, or it cannot learn there.
            ImportError: If Stable-Baselines3 is missing, or sb3-contrib for its algorithms.
        """
        return _training().Training(self, source, int(random.seed_key(seed)) >> 1)

    def begin(self, training: Training, /) -> Iterate:
        """Return the models as they are made."""
        return training.iterate(0)

    def resume(self, training: Training, start: Iterate, /) -> Iterate:
        """Put all models where the iterate was."""
        training.restore(start)
        return start

    def improve(self, training: Training, last: Iterate, /) -> Iterate:
        """Let all models learn on and return what is known then.

        An iterate's ``policy`` holds the weights of the players' policies, (N, P), short ones
        padded; its ``q`` the mean reward of a step of every player in the iteration (N,).
        """
        return training.improved(last)

    def player(self, source: Any, iterate: Iterate, name: str) -> Any:
        """Return one player's policy: a function of observations (K, ...) -> actions (K, ...).

        It plays the most probable action, or the mean one; give it to ``wrappers.PlayerEnv``.
        """
        model = self._model(source, iterate.policy, name)
        return lambda observation: model.predict(observation, deterministic=True)[0]

    def models(self, source: Any, iterate: Iterate) -> dict[str, Any]:
        """Return every player's model by its name, as ``mfg_envs.as_policy`` takes it."""
        return {name: self._model(source, iterate.policy, name) for name in source.possible_agents}

    def _model(self, source: Any, policies: Array, name: str) -> Any:
        return _training().model(self, source, policies, name)


def _training() -> Any:
    """Return the half that loads Stable-Baselines3."""
    try:
        from . import sb3_training
    except ImportError as error:
        raise ImportError(
            'IndependentSB3 needs Stable-Baselines3: pip install "mfg-envs[sb3]"'
        ) from error
    return sb3_training
