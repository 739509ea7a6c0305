"""Pictures of learning curves, flows, policies and gaps; matplotlib is loaded with the first."""

from .animations import flow_animation
from .curves import exploitability_against_players, learning_curves
from .flows import flow_image
from .gifs import write_gif
from .players import Players, sample_players
from .policies import policy_image

__all__ = [
    "Players",
    "exploitability_against_players",
    "flow_animation",
    "flow_image",
    "learning_curves",
    "policy_image",
    "sample_players",
    "write_gif",
]
