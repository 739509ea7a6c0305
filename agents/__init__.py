"""Learners: one algorithm, one file, one paper.  They plug into games and environments."""

from .fixed_point_iteration import FixedPointIteration
from .iterate import Iterate
from .qm_iteration import QMIteration
from .run import Run, run
from .semi_sgd import SampledFixedPointIteration, SemiSGD

__all__ = [
    "FixedPointIteration",
    "Iterate",
    "QMIteration",
    "Run",
    "SampledFixedPointIteration",
    "SemiSGD",
    "run",
]
