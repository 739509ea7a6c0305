"""Policies as objects: what acts, whatever form it is given in.

``as_policy(game, anything)`` turns every form into a ``Policy``, and is the one place that looks
at forms; ``mfg_envs.simulate.play`` lets players follow one.
"""

from mfg_envs.players.functions import Function
from mfg_envs.players.mixtures import Mixture
from mfg_envs.players.models import Model, Module
from mfg_envs.players.policy import Draws, Policy
from mfg_envs.simulate.acting.decision import Decision, decisions
from mfg_envs.simulate.acting.forms import as_policy, mixture
from mfg_envs.simulate.acting.rules import OnGrid, Table

__all__ = [
    "Decision",
    "Draws",
    "Function",
    "Mixture",
    "Model",
    "Module",
    "OnGrid",
    "Policy",
    "Table",
    "as_policy",
    "decisions",
    "mixture",
]
