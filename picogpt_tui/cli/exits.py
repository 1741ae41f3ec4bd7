"""The one place where what went wrong becomes a line on stderr and an exit code.

    0    done, or the reader of the pipe had enough
    1    a PicoGPTError or the operating system: one line says what to do
    2    a command line that cannot be understood
    130  interrupted

The last line on stderr says why; nothing is added to stdout.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType
from typing import Any

import click

from picogpt_tui.errors import PicoGPTError
from picogpt_tui.visible import one_line, visible

OK, FAILED, INTERRUPTED = 0, 1, 130
_LONGEST_MESSAGE = 2000


def note(text: str) -> None:
    """Say something to the person at the terminal, who may be reading data on stdout."""
    click.echo(visible(text), err=True)


class Commands(click.Group):
    """A click group whose errors go through this module's table."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader that closed the pipe ends it quietly."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _let_go_of_stdout()
            ctx.exit(OK)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line and, in standalone mode (the default), exit with its code."""
        _open_closed_streams()
        run = partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        return sys.exit(_exit_code(run)) if standalone_mode else run()


def _open_closed_streams() -> None:
    """A shell's `>&-` leaves no stream at all: then there is nothing to read, and what is written goes nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (open as long as the program)


def _exit_code(run: Callable[[], Any]) -> int:
    try:
        return run() or OK
    except click.ClickException as error:
        usage = error.ctx if isinstance(error, click.UsageError) else None
        if usage is not None:
            note(f"{usage.get_usage()}\nMore: {usage.command_path} --help")
        _tell(error.format_message())
        return error.exit_code
    except PicoGPTError as error:
        _tell(str(error))
        return FAILED
    except OSError as error:
        _let_go_of_stdout()
        where = f"{error.filename}: " if error.filename else ""
        _tell(f"{where}{error.strerror or error}.")
        return FAILED
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED


def _tell(message: str) -> None:
    note(f"error: {one_line(message, _LONGEST_MESSAGE)}")


def _let_go_of_stdout() -> None:
    """Point stdout nowhere, so that Python's own flush at exit does not complain of the same trouble again."""
    with contextlib.suppress(OSError):
        stdout = sys.stdout.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stdout)
        os.close(nowhere)


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Within it Ctrl+C is a wish, kept as an answer to `should_stop`; a second Ctrl+C interrupts at once.

    So the work can end in good order: what was generated is printed whole, with the event that says so.
    """
    asked = False

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
