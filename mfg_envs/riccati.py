"""Linear-quadratic games in closed form: the public name of ``mfg_envs.exact.riccati``."""

import sys

from mfg_envs.exact import riccati
from mfg_envs.exact.riccati import *  # noqa: F403  for type checkers

sys.modules[__name__] = riccati  # one module under both names
