"""Methods that a game's methods call, in compiled code.

There ``self`` is a NamedTuple, on which numba knows fields and no methods.  The class of that tuple
has them in ``_calls``: name of a method -> function that numba compiles.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any


@functools.cache
def allow(name: str) -> None:
    """Let compiled code call the methods of a name, each on the tuples whose class has it."""
    from numba.core import types
    from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr
    from numba.extending import lower_builtin

    def typed(context: Any, view: Any, args: Any, kws: Any) -> tuple[Any, Any]:
        """Return numba's types of the function and of this call of it; None: it has no such."""
        method = view.instance_class._calls[name]
        function = context.resolve_value_type(method)
        found = function.get_call_type(context, (view, *args), kws)
        return function, found and found.replace(pysig=inspect.signature(method))

    class Method(AbstractTemplate):
        key = ("method of a view", name)
        this: Any  # numba's type of the tuple

        def generic(self, args: Any, kws: Any) -> Any:
            _, found = typed(self.context, self.this, args, kws)
            return found and found.as_method()

    @infer_getattr
    class Methods(AttributeTemplate):
        key = types.BaseNamedTuple

        def generic_resolve(self, value: Any, attr: str) -> Any:
            known = attr == name and name in getattr(value.instance_class, "_calls", ())
            return types.BoundFunction(Method, value) if known else None

    @lower_builtin(Method.key, types.BaseNamedTuple, types.VarArg(types.Any))
    def call(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        function, found = typed(context.typing_context, sig.args[0], sig.args[1:], {})
        run = context.get_function(function, found)
        context.add_linking_libs(getattr(run, "libs", ()))
        return run(builder, args)
