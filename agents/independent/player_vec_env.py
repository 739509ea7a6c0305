"""What the model of one player of ``IndependentLearners`` takes for its environment."""

from __future__ import annotations

import copy
from typing import Any

from wrappers.relay_vec_env import RelayVecEnv


class PlayerVecEnv(RelayVecEnv):
    """What one player's model sees: a sub-environment for every copy of the game."""

    def __init__(self, hub: Any, player: int) -> None:
        self.hub, self.player = hub, player
        columns = hub._columns
        spaces = columns.observation_spaces[player], columns.action_spaces[player]
        super().__init__(columns.copies, *copy.deepcopy(spaces))
        self.action_space.seed(hub._number(1, player))

    @property
    def observed_parts(self) -> tuple[str, ...] | None:
        """Parts of what the player sees, see ``Observer``; None: the environment is not ours."""
        return self.hub._columns.observed_parts

    def reset(self) -> Any:
        """Begin an episode; while all learn, go on with theirs."""
        if self.hub._baton is None:
            self.hub._open(self.player, self._seeds[0])
        self._reset_seeds()
        infos = self.hub._columns.infos
        if infos is not None:
            self.reset_infos = [dict(info) for info in infos[self.player]]
        self.seen = self.hub._seen[self.player]
        return super().reset()

    def set_options(self, options: list[dict[str, Any]] | dict[str, Any] | None = None) -> None:
        super().set_options(options)
        self.hub._options = self._options

    def step_wait(self) -> Any:
        hub, i = self.hub, self.player
        hub._acted[i] = self.acted
        if hub._baton is None:
            hub._play_alone(i)
        else:
            hub._baton.wait(i)
        self.seen, self.outcome = hub._seen[i], hub._outcome[i]
        return super().step_wait()
