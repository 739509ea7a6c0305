"""What people import: public names, at the top of a package or of one of its rooms."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import agents
import mfg_envs
from mfg_envs import v0
from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES

ROOT = Path(__file__).parents[2]
FACES = {
    *("mfg_envs", "mfg_envs.game", "mfg_envs.games.roads", "agents", "agents.figures", "wrappers"),
    "mfg_envs.numerics.elementwise",  # one table, printed in the tutorial on games of one's own
}


def test_documents_and_examples_import_public_names_only():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.py")]
    if not pages[0].exists():
        pytest.skip("the documents are not beside the tests")
    seen = set()
    for page in pages:
        text = page.read_text("utf-8")
        blocks = (
            re.findall(r"```python\n(.*?)```", text, re.DOTALL) if page.suffix == ".md" else [text]
        )
        for node in (node for block in blocks for node in ast.walk(ast.parse(block))):
            if isinstance(node, ast.ImportFrom) and node.module:
                seen.add(node.module)
            elif isinstance(node, ast.Import):
                seen |= {alias.name for alias in node.names}
    ours = {name for name in seen if name.split(".")[0] in ("mfg_envs", "agents", "wrappers")}
    assert len(ours) > 4
    assert ours <= FACES


@pytest.mark.parametrize("package", [mfg_envs, agents], ids=lambda package: package.__name__)
def test_every_public_name_can_be_imported(package):
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_type_checkers_know_the_module_of_every_game():
    assert v0.__all__ == sorted(f"{n}_v0" for n in (*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES))


@pytest.mark.parametrize("name", ["policies", "riccati", "exact", "metrics", "ring_road_v0"])
def test_a_public_module_is_one_module_however_it_is_imported(name):
    code = f"""
import mfg_envs.{name}
import mfg_envs.{name} as first
from mfg_envs import {name} as second
assert first is second is mfg_envs.{name}
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    turned = "\n".join(reversed(code.strip().split("\n")[:3])) + "\nassert first is second"
    subprocess.run([sys.executable, "-c", turned], check=True)
