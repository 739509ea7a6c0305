"""What an improvement has computed of its iterate costs the next one nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """A function that knows its last value: asked again for the very same object, it is there.

    So a learner need not keep in its iterates what follows from them (a flow, the best values).

    Args:
        function: Of an array, or of a memory; neither may change afterwards.
    """

    def __init__(self, function: Callable[[Any], Value]) -> None:
        self._function = function
        self._last: tuple[Any, Value] | None = None

    def __call__(self, argument: Any) -> Value:
        """Return the value, computed if the argument is another object than the last one."""
        if self._last is not None and self._last[0] is argument:
            return self._last[1]
        value = self._function(argument)
        self.note(argument, value)
        return value

    def note(self, argument: Any, value: Value) -> None:
        """Take a value that is known already."""
        self._last = argument, value
