"""What follows exactly from a game: moves, flows, values, best responses, exploitability.

``quantities`` has the theory.
"""

from mfg_envs.exact.quantities import (
    Ascent,
    action_values,
    ascend,
    best_response,
    exploitability,
    flow,
    law_met,
    mean_fields,
    push_forward,
    state_values,
    stationary_mean_field,
    value,
)
from mfg_envs.exact.tables import Kernel, crowd, kernel, push, rewards

__all__ = [
    "Ascent",
    "Kernel",
    "action_values",
    "ascend",
    "best_response",
    "crowd",
    "exploitability",
    "flow",
    "kernel",
    "law_met",
    "mean_fields",
    "push",
    "push_forward",
    "rewards",
    "state_values",
    "stationary_mean_field",
    "value",
]
