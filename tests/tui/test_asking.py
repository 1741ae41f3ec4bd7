"""The end of an inquiry that was let go must not pass for that of the one that is being worked on."""

from __future__ import annotations

from picogpt_tui.events import Progress
from picogpt_tui.tui.explorer_messages import Asking


def test_only_news_of_the_same_question_or_a_newer_one_replaces_what_is_waiting() -> None:
    done, older = Asking(2, None), Asking(1, None)
    assert not done.can_replace(older), "else the explorer would wait for ever"
    assert older.can_replace(done)
    assert Asking(2, Progress("reading", 1, 9)).can_replace(done)
