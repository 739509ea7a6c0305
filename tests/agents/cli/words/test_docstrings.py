"""Docstrings are read in one way by everything that prints them."""

from agents.cli.words import docstrings


class Base:
    """A base: ``marked``.

    Some prose,
    on two lines.

    Attributes:
        rate: Of steps; wide  gaps
            and further lines are one text.
        kept: By the base.

    Raises:
        ValueError: Never.
    """


class Derived(Base):
    """Derived.

    Attributes:
        rate: Its own.
    """


class Plain:
    """No sections.

    Args:
        left: One.
        right: Two: with a colon.
    """


def test_the_first_line_has_no_marks():
    assert docstrings.first_line(Base) == "A base: marked."
    assert docstrings.first_line(type("Bare", (), {})) == ""


def test_prose_ends_where_sections_begin():
    assert docstrings.prose(Base) == "A base: ``marked``.\n\nSome prose,\non two lines."
    assert docstrings.prose(Plain) == "No sections."


def test_attributes_are_inherited_and_replaced():
    assert docstrings.attributes(Base) == {
        "rate": "Of steps; wide gaps and further lines are one text.",
        "kept": "By the base.",
    }
    assert docstrings.attributes(Derived) == {"rate": "Its own.", "kept": "By the base."}
    assert docstrings.attributes(Plain) == {}


def test_arguments_are_those_of_the_class_itself():
    assert docstrings.arguments(Plain) == {"left": "One.", "right": "Two: with a colon."}
    assert docstrings.arguments(Derived) == {}


def test_lines_are_joined_unless_they_are_indented_or_labelled():
    text = "One\ntwo.\nState: x\n    a = b\n\nNext\none"
    assert docstrings.reflow(text) == "One two.\nState: x\n    a = b\n\nNext one"
