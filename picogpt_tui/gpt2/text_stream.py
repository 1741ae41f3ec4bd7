"""From tokens to text that may be shown: whole characters only, and never the beginning of a stop string."""

from __future__ import annotations

from picogpt_tui.gpt2.tokenizer import IncrementalDecoder


class TextStream:
    """Joins tokens to text, holds back what could become a stop string, and says when one is complete.

    Attributes:
        text: everything released so far.
        stopped: whether a stop string was found; nothing is released after it.
    """

    def __init__(self, stop: tuple[str, ...] = (), unfinished: bytes = b"") -> None:
        """Begin behind other text.

        Args:
            stop: the stop strings.
            unfinished: bytes before the first token, of which only a character that ends in it is released.
        """
        self._stop = stop
        self._decoder = IncrementalDecoder()
        self._decoder.push(unfinished)
        self._held = ""
        self.text = ""
        self.stopped = False

    def push(self, token_bytes: bytes) -> str:
        """Take one token's bytes; return the text that may now be shown."""
        return self._release(self._held + self._decoder.push(token_bytes), final=False)

    def flush(self) -> str:
        """End the stream; return what was held back, unless a stop string ended it."""
        return self._release(self._held + self._decoder.flush(), final=True)

    def _release(self, text: str, *, final: bool) -> str:
        if self.stopped:
            return ""
        found = [at for stop in self._stop if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            released = text[: min(found)]
        else:
            n_held = 0 if final else self._could_begin_stop(text)
            released = text[: len(text) - n_held]
            self._held = text[len(released) :]
        self.text += released
        return released

    def _could_begin_stop(self, text: str) -> int:
        """Length of the longest end of `text` with which a stop string begins."""
        longest = max((len(stop) for stop in self._stop), default=0) - 1
        for n in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-n:]) for stop in self._stop):
                return n
        return 0
