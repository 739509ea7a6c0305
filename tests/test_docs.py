import contextlib
import io
import json
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "```python\n" in path.read_text("utf-8"))
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
FENCE = re.compile(r"^``` ?(\S[^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def made():
    """Return the pages that the build makes from docstrings; what they measure is not needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        import generate
        import measured

        for name in ("on_a_grid", "at_random", "by_subsampling"):
            patch.setattr(measured, name, lambda name: [("-", "-")])
        yield generate.texts()


def play(name, text):
    """Run the Python blocks of a page in order; compare what each prints with what follows it."""
    page = types.ModuleType(f"page_{name}")
    sys.modules[page.__name__] = page  # so that classes of the page can be pickled
    printed, blocks = "", 0
    try:
        for info, content in FENCE.findall(text):
            if info == "python":
                blocks += 1
                with contextlib.redirect_stdout(io.StringIO()) as out:
                    exec(compile(content, f"{name}, block {blocks}", "exec"), page.__dict__)
                printed = out.getvalue()
            elif info == "text":
                assert printed == content, f"{name}, block {blocks}"
    finally:
        del sys.modules[page.__name__]
    return blocks


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_page_runs_and_prints_what_it_says(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert play(path.stem, path.read_text("utf-8"))


def test_page_that_says_something_else_is_found():
    page = "```python\nprint(1)\n```\n\n```text\n2\n```\n"
    with pytest.raises(AssertionError, match="two, block 1"):
        play("two", page)


def test_every_game_and_learner_has_a_page_that_runs(made, tmp_path, monkeypatch):
    import agents
    from agents.cli.listing import offered_learners
    from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES

    monkeypatch.chdir(tmp_path)
    learners = [*(one.__name__ for one in offered_learners()), *agents.LATER_LEARNERS]
    pages = [f"games/{n}.md" for n in (*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES)]
    for path in (*pages, *(f"learners/{n}.md" for n in learners)):
        play(Path(path).stem, made[path])
    for path in pages:
        heads = ("Rules", "Parameters", "Mean-field limit", "Known solution", "Measured")
        assert [head for head in heads if f"\n## {head}\n" not in made[path]] == []


def test_page_of_a_game_shows_what_its_file_says(made):
    page = made["games/sis.md"]
    assert "**Action:** one of A levels of contact." in page
    assert "| `recovery` | `0.1` | in [0, 1] |" in page
    assert "this share stays if their mean contact is" in page.partition("## Known solution")[2]
    assert "return np.where(w == 1, 1 - x, x)" in page  # the law itself
    assert "| FPI | 3.6e+01 ~ | 0.0e+00 ✓ |" in page  # as in docs/solvers.md


def test_reference_lists_functions_whose_module_has_their_name_and_no_modules(made):
    for name in ("welfare", "nash_gap", "grid_response", "approximate_exploitability"):
        assert f"::: mfg_envs.metrics.{name}\n" in made["reference/metrics.md"]
    assert "::: agents.run\n" in made["reference/agents.md"]
    for name in ("exact", "metrics", "policies", "riccati"):
        assert f"::: mfg_envs.{name}\n" not in made["reference/mfg_envs.md"]


def test_study_is_read_whole():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        import measured

        study = measured.study()
    assert len(study.ends) == len(study.cases) * len(study.solvers)
    assert set(study.first) == set(study.cases)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_is_kept_without_outputs(path, tmp_path):
    cells = [c for c in json.loads(path.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    done = tmp_path / path.name
    execute = [sys.executable, "-c", "from nbclient.cli import main; main()", str(path)]
    subprocess.run([*execute, "--output", str(done.with_suffix(""))], check=True, cwd=tmp_path)
    printed = [c["outputs"] for c in json.loads(done.read_text("utf-8"))["cells"] if "outputs" in c]
    assert sum(map(bool, printed)) >= len(cells) - 1


@pytest.mark.slow
def test_pages_build_without_warnings_and_ask_no_other_host(tmp_path):
    build = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", tmp_path]
    subprocess.run(build, check=True, cwd=ROOT)
    loads = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)=\"?(?:https?:)?//")
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 80
    assert [page for page in pages if loads.search(page.read_text("utf-8"))] == []
