"""Learners: one algorithm, one file, one paper.  They plug into games and environments."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .deep_finite.deep_average_fictitious_play import DeepFictitiousPlay
from .deep_finite.deep_munchausen_omd import DeepMunchausenOMD
from .deep_finite.mean_field_ppo import MeanFieldPPO
from .deep_play.average_policy_fictitious_play import AveragePolicyFictitiousPlay
from .deep_play.deda_fp import DedaFP
from .deep_play.deep_fictitious_play import SimpleFictitiousPlay
from .independent.batched_ppo import BatchedIndependentPPO
from .mirror_ascent.communication import Communication
from .mirror_ascent.policy_mirror_ascent import PolicyMirrorAscent
from .n_players.independent_q import IndependentQ
from .n_players.mean_field_actor_critic import MeanFieldActorCritic
from .n_players.mean_field_q import MeanFieldQ
from .runs.contract import check_learner
from .runs.iterate import Iterate
from .runs.learner import Learner
from .runs.running import Run, run
from .runs.saved import SavedRun, load_run, load_runs
from .sb3.sb3_learner import IndependentSB3
from .single_path.qm_iteration import QMIteration
from .single_path.semi_sgd import SampledFixedPointIteration, SemiSGD
from .solvers.fictitious_play import FictitiousPlay
from .solvers.fixed_point_iteration import FixedPointIteration
from .solvers.frank_wolfe import FrankWolfe, beckmann, relative_gap
from .solvers.mfomo import MFOMO
from .solvers.munchausen_omd import MunchausenOMD
from .solvers.online_mirror_descent import OnlineMirrorDescent
from .solvers.policy_iteration import PolicyIteration
from .solvers.prior_descent import PriorDescent
from .subsample.execution import SubsampledPolicy
from .subsample.optimality import best_team_value, optimality_gap
from .subsample.subsample_mfq import SubsampleMFQ
from .subsample.value import exact_team_value, initial_value, team_value
from .sweep.sweeping import Sweep

if TYPE_CHECKING:
    from .independent.best_response import learned_response
    from .independent.independent_sb3 import IndependentLearners
    from .independent.learned_deviation import LearnedDeviation
    from .independent.log_exploitability import LogExploitability
    from .independent.team_models import TeamModels

__all__ = [
    "MFOMO",
    "AveragePolicyFictitiousPlay",
    "BatchedIndependentPPO",
    "Communication",
    "DedaFP",
    "DeepFictitiousPlay",
    "DeepMunchausenOMD",
    "FictitiousPlay",
    "FixedPointIteration",
    "FrankWolfe",
    "IndependentLearners",
    "IndependentQ",
    "IndependentSB3",
    "Iterate",
    "LearnedDeviation",
    "Learner",
    "LogExploitability",
    "MeanFieldActorCritic",
    "MeanFieldPPO",
    "MeanFieldQ",
    "MunchausenOMD",
    "OnlineMirrorDescent",
    "PolicyIteration",
    "PolicyMirrorAscent",
    "PriorDescent",
    "QMIteration",
    "Run",
    "SampledFixedPointIteration",
    "SavedRun",
    "SemiSGD",
    "SimpleFictitiousPlay",
    "SubsampleMFQ",
    "SubsampledPolicy",
    "Sweep",
    "TeamModels",
    "beckmann",
    "best_team_value",
    "check_learner",
    "exact_team_value",
    "initial_value",
    "learned_response",
    "load_run",
    "load_runs",
    "optimality_gap",
    "relative_gap",
    "run",
    "team_value",
]


LATER = {
    "IndependentLearners": "independent.independent_sb3",
    "LearnedDeviation": "independent.learned_deviation",
    "LogExploitability": "independent.log_exploitability",
    "TeamModels": "independent.team_models",
    "learned_response": "independent.best_response",
}
"""What is imported when it is first asked for, since it loads Stable-Baselines3: name -> file."""
if find_spec("stable_baselines3") is None:  # ``import *`` takes what there is
    __all__[:] = [name for name in __all__ if name not in LATER]
LATER_LEARNERS = {
    "IndependentLearners": "Train one Stable-Baselines3 model per player, of any mix of algorithms."
}
"""What the learners among them do, for a list that need not load them."""
RUN_AS = {"IndependentLearners": "IndependentSB3"}
"""Name of a class that takes an environment -> the learner that runs by name in its place."""


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{LATER[name]}", __name__), name)
    except ImportError as error:
        raise ImportError(f'{name} needs Stable-Baselines3: pip install "mfg-envs[sb3]"') from error
