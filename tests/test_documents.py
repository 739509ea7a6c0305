import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
ELSEWHERE = ("agilerl_ippo", "benchmarl_mappo", "rllib_ppo", "skrl_ippo")
"""Examples whose libraries need environments of their own: tests/interop runs them."""
NEEDS = {"tianshou_dqn": ("tianshou",), "supersuit_legacy": ("supersuit",)}
README = ROOT / "README.md"


def blocks():
    """Return the Python blocks of the README, if the tests run in a checkout."""
    text = README.read_text() if README.exists() else ""
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_asks_one_question(path):
    assert path.read_text().split("\n")[0].count("?") == 1


@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if path.stem not in ELSEWHERE], ids=lambda path: path.stem
)
def test_example_runs_and_answers_its_question(path, capsys):
    for library in NEEDS.get(path.stem, ()):
        pytest.importorskip(library, reason="it has no wheels for this Python")
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    assert printed.strip()
    assert "nan" not in printed.replace(",", " ").split()  # a number was asked for


@pytest.mark.parametrize("stem", ELSEWHERE)
def test_example_of_a_library_of_its_own_is_run_by_its_interop_test(stem):
    library = stem.split("_")[0]
    assert ROOT / "examples" / f"{stem}.py" in EXAMPLES
    tests = sorted((ROOT / "tests" / "interop").glob(f"test_{library}_*.py"))
    assert any(f'"{stem}.py"' in test.read_text() for test in tests)


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.split("\n")[0][:40])
def test_readme_block_runs_as_pasted(block, capsys):
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.strip()


def test_readme_names_every_learner_and_game():
    if not README.exists():
        pytest.skip("the README is not beside the tests")
    import agents
    from agents.cli.listing import offered_learners
    from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES

    text = README.read_text()
    learners = [*(one.__name__ for one in offered_learners()), *agents.LATER_LEARNERS]
    assert all(f"`{name}`" in text for name in (*learners, *GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES))


def test_readme_names_every_wrapper():
    if not README.exists():
        pytest.skip("the README is not beside the tests")
    import wrappers

    text = README.read_text()
    assert [name for name in wrappers.FILES if not re.search(rf"\b{name}\b", text)] == []
