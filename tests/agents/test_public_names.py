import agents


def test_public_names_are_there():
    for name in agents.__all__:
        assert hasattr(agents, name)
