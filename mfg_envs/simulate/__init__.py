"""N players as arrays: steps, observations, actions, policies that act; no environment yet."""

from mfg_envs.simulate.acting import Policy, as_policy, mixture
from mfg_envs.simulate.batch import BatchEnv
from mfg_envs.simulate.results import Rollout, Step
from mfg_envs.simulate.team import TeamBatchEnv

__all__ = [
    "BatchEnv",
    "Policy",
    "Rollout",
    "Step",
    "TeamBatchEnv",
    "as_policy",
    "mixture",
]
