"""Policies of finite games as tables: the public name of ``mfg_envs.exact.policies``."""

import sys

from mfg_envs.exact import policies
from mfg_envs.exact.policies import *  # noqa: F403  for type checkers

sys.modules[__name__] = policies  # one module under both names
