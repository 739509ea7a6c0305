"""Games that must have an end."""

import pytest

from mfg_envs import make_game
from mfg_envs.game.horizons import decisions


def test_a_game_without_an_end_is_refused_with_the_remedy():
    assert decisions(make_game("left_right")) == 2
    with pytest.raises(ValueError, match=r"an episode needs an end: dataclasses\.replace\(game, "):
        decisions(make_game("sis"))
    with pytest.raises(ValueError, match="a film needs an end"):
        decisions(make_game("sis"), "a film")
