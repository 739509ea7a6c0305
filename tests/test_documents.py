import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
README = ROOT / "README.md"


def blocks():
    """Return the Python blocks of the README, if the tests run in a checkout."""
    text = README.read_text() if README.exists() else ""
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_answers_its_question(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()
    assert path.read_text().split("\n")[0].count("?") == 1, "an example asks one question"


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.split("\n")[0][:40])
def test_readme_block_runs_as_pasted(block, capsys):
    exec(compile(block, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.strip()


def test_readme_names_every_learner_and_game():
    if not README.exists():
        pytest.skip("the README is not beside the tests")
    import agents
    from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES

    text = README.read_text()
    learners = [n for n in agents.__all__ if hasattr(getattr(agents, n), "learn")]
    assert all(f"`{name}`" in text for name in (*learners, *GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES))
