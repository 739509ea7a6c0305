"""Kernels whose arrays never overlap: what C calls ``restrict``.

numba has to assume that a store into one array may change what another one holds, so it reads
tables anew after every store.  A kernel that is compiled here promises that no array it writes to
shares memory with another argument; it may read one array under two names.
"""

from __future__ import annotations

import functools
from typing import Any

from mfg_envs.numerics.compiler import compile_kernel


def restrict(kernel: Any) -> Any:
    """Compile a kernel that writes to no array under two names; keep it on disk."""
    return compile_kernel(kernel, pipeline_class=_pipeline())


@functools.cache
def _pipeline() -> Any:
    """Return numba's pipeline with the flag that marks array arguments ``noalias`` in LLVM."""
    from numba.core.compiler import CompilerBase, DefaultPassBuilder

    class NoAlias(CompilerBase):
        def define_pipelines(self) -> list[Any]:
            self.state.flags.noalias = True
            return [DefaultPassBuilder.define_nopython_pipeline(self.state)]

    return NoAlias
