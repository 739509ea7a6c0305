"""Learners: one algorithm, one file, one paper.  They plug into games and environments."""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .average_policy_fictitious_play import AveragePolicyFictitiousPlay
from .batched_ppo import BatchedIndependentPPO
from .communication import Communication
from .deda_fp import DedaFP
from .deep_fictitious_play import SimpleFictitiousPlay
from .fictitious_play import FictitiousPlay
from .fixed_point_iteration import FixedPointIteration
from .frank_wolfe import FrankWolfe
from .iterate import Iterate
from .mfomo import MFOMO
from .munchausen_omd import MunchausenOMD
from .online_mirror_descent import OnlineMirrorDescent
from .policy_iteration import PolicyIteration
from .policy_mirror_ascent import PolicyMirrorAscent
from .prior_descent import PriorDescent
from .qm_iteration import QMIteration
from .run import Run, run
from .semi_sgd import SampledFixedPointIteration, SemiSGD
from .subsample_execution import SubsampledPolicy
from .subsample_mfq import SubsampleMFQ
from .subsample_value import exact_team_value, team_value
from .sweep import Sweep

if TYPE_CHECKING:
    from .best_response import learned_response
    from .independent_sb3 import IndependentLearners

__all__ = [
    "MFOMO",
    "AveragePolicyFictitiousPlay",
    "BatchedIndependentPPO",
    "Communication",
    "DedaFP",
    "FictitiousPlay",
    "FixedPointIteration",
    "FrankWolfe",
    "IndependentLearners",
    "Iterate",
    "MunchausenOMD",
    "OnlineMirrorDescent",
    "PolicyIteration",
    "PolicyMirrorAscent",
    "PriorDescent",
    "QMIteration",
    "Run",
    "SampledFixedPointIteration",
    "SemiSGD",
    "SimpleFictitiousPlay",
    "SubsampleMFQ",
    "SubsampledPolicy",
    "Sweep",
    "exact_team_value",
    "learned_response",
    "run",
    "team_value",
]


LATER = {"IndependentLearners": "independent_sb3", "learned_response": "best_response"}
"""What is imported when it is first asked for, since it loads Stable-Baselines3: name -> file."""
if find_spec("stable_baselines3") is None:  # ``import *`` takes what there is
    __all__[:] = [name for name in __all__ if name not in LATER]
LATER_LEARNERS = {
    "IndependentLearners": "Train one Stable-Baselines3 model per player, of any mix of algorithms."
}
"""What the learners among them do, for a list that need not load them."""


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{LATER[name]}", __name__), name)
    except ImportError as error:
        raise ImportError(f'{name} needs Stable-Baselines3: pip install "mfg-envs[sb3]"') from error
