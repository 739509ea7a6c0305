import threading

import pytest

from agents.independent.turns import Baton, Stopped


def test_jobs_take_turns_in_the_order_of_the_caller():
    heard = []

    def job(name, words):
        def run():
            for word in words:
                heard.append(f"{name}{word}")
                baton.wait(name)

        return run

    baton = Baton([job(0, "ab"), job(1, "xyz")])
    assert heard == []
    turns = [baton.turn(i) for i in (1, 0, 1, 0, 0, 1, 1)]
    assert heard == ["1x", "0a", "1y", "0b", "1z"]
    assert turns == [True, True, True, True, False, True, False]
    assert baton.alive == [False, False]
    baton.stop()


def test_stopping_ends_every_job_where_it_waits_and_leaves_no_thread():
    before, ended = set(threading.enumerate()), []

    def job(i):
        def run():
            try:
                baton.wait(i)
            except Exception:  # what careless code does: it must not catch the stop
                ended.append("caught")
            finally:
                ended.append(i)

        return run

    baton = Baton([job(0), job(1), job(2)])
    baton.turn(0)
    baton.turn(1)
    baton.stop()
    assert sorted(ended) == [0, 1]  # the third never began
    assert not set(threading.enumerate()) - before  # those of others may end
    assert not issubclass(Stopped, Exception)


def test_what_a_job_raises_is_kept_for_the_caller():
    def fail():
        raise ZeroDivisionError("by nothing")

    baton = Baton([fail])
    assert not baton.turn(0)
    baton.stop()
    with pytest.raises(ZeroDivisionError, match="by nothing"):
        raise baton.error[0]
