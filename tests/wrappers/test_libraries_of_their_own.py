import sys

import pytest

import wrappers

NEEDS = {
    "to_rllib": ("rllib_env", "ray", r'pip install "mfg-envs\[ray\]" torch'),
    "to_benchmarl": ("benchmarl_task", "benchmarl", "pip install benchmarl"),
}


@pytest.mark.parametrize("name", NEEDS)
def test_a_view_whose_library_is_missing_says_what_to_install(name, monkeypatch):
    file, library, remedy = NEEDS[name]
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"wrappers.{file}", raising=False)
    with pytest.raises(ImportError, match=remedy):
        getattr(wrappers, name)
