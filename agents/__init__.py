"""Learners: one algorithm, one file, one paper.  They plug into games and environments."""

from .fictitious_play import FictitiousPlay
from .fixed_point_iteration import FixedPointIteration
from .frank_wolfe import FrankWolfe
from .iterate import Iterate
from .online_mirror_descent import OnlineMirrorDescent
from .qm_iteration import QMIteration
from .run import Run, run
from .semi_sgd import SampledFixedPointIteration, SemiSGD

__all__ = [
    "FictitiousPlay",
    "FixedPointIteration",
    "FrankWolfe",
    "Iterate",
    "OnlineMirrorDescent",
    "QMIteration",
    "Run",
    "SampledFixedPointIteration",
    "SemiSGD",
    "run",
]
