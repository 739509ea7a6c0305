"""Callbacks of models that learn side by side: each its own, and where each of them has stopped."""

from __future__ import annotations

from typing import Any, cast

from stable_baselines3.common.callbacks import BaseCallback, CallbackList, ConvertCallback

from wrappers.model_player import ModelPlayer


class Last(CallbackList):
    """Callbacks of a model, and what its environment has said last."""

    def __init__(self, callbacks: list[BaseCallback]) -> None:
        super().__init__(callbacks)
        self._shown: Any = None
        self._starts: Any = None
        self._memory: Any = None

    def _on_step(self) -> bool:
        own = self.locals  # of the loop that steps the environment, which all algorithms name alike
        self._shown, self._starts = own.get("new_obs"), own.get("dones")
        self._memory = own.get("lstm_states")
        return super()._on_step()

    def hand_over(self, player: ModelPlayer, seen: Any) -> None:
        """Let a player go on where the model has stopped, who sees ``seen`` now."""
        if self._shown is None or self._starts is None:  # no step, or another kind of loop
            player.begin(seen)
            return
        state = None
        if self._memory is not None:  # of the policy, as its ``predict`` takes it
            state = tuple(part.cpu().numpy() for part in self._memory.pi)
        player.go_on(self._shown, self._starts, seen, state)


def callbacks_of(name: Any, callback: Any) -> list[BaseCallback]:
    """Return the callbacks of a player's model."""
    if callback is None:
        return []
    if isinstance(callback, BaseCallback) or not callable(callback):
        raise TypeError(
            f"callback must be a function of a player's name, got {callback!r}: a callback serves"
            " one model, so make one for each, callback=lambda name: ..."
        )
    given: Any = callback(name)
    made: list[BaseCallback] = []
    for one in given if isinstance(given, list | tuple) else [] if given is None else [given]:
        if isinstance(one, BaseCallback):
            made.append(one)
        elif callable(one):
            made.append(ConvertCallback(cast(Any, one)))
        else:
            raise TypeError(
                f"callback({name!r}) must give a callback, a list of them or None, got {one!r}"
            )
    return made
