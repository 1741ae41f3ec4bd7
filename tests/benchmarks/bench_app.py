"""What the app costs: generating with all panels against headless, keys meanwhile, and the first frame.

Run it by hand: `python -m tests.benchmarks.bench_app [MODEL [tokens [precision]]]`. The model generates the same tokens
from the same seed with and without the app, in turn, prompt lookup off; `share` is the app by headless. Keys are
pressed as in `bench_keys` while it generates. The first frame is that of a process of its own, from its start until
the app has painted, against that of an empty Textual app which imports the same widgets; both in a terminal of
120 x 40.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace

from picogpt_tui.events import Finished
from picogpt_tui.gpt2.int8_kernel import KERNEL
from picogpt_tui.session.document import Request
from picogpt_tui.session.engine import Engine
from picogpt_tui.settings import FLOAT32, INT8, GenerationSettings, SamplingSettings
from picogpt_tui.tui.app import PicoGPTApp
from tests.benchmarks.bench_keys import Key, press

PROMPT = "Once upon a time there was a king who"
ROUNDS = 3
RUNS = 7
_OURS = "from picogpt_tui.tui.app import PicoGPTApp as App"
_EMPTY = """
from textual.widgets import Footer, Input, OptionList, Static, TextArea
from textual.app import App as Base
class App(Base):
    def compose(self):
        yield Static("hello"); yield Input(); yield TextArea(); yield OptionList("a"); yield Footer()
"""
_FIRST_FRAME = """
import asyncio, sys
{app}
async def main():
    app = App()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0)
        print("painted", flush=True)
        import os; os._exit(0)
asyncio.run(main())
"""


def settings(n_tokens: int) -> GenerationSettings:
    """The same for both."""
    sampling = SamplingSettings()
    return GenerationSettings(sampling, n_tokens, seed=1, stop_at_end_of_text=False, prompt_lookup=False)


def headless(engine: Engine, n_tokens: int) -> float:
    """Tokens a second without a screen."""
    request = Request((), PROMPT, PROMPT, settings(n_tokens))
    *_, end = engine.run(request)
    assert isinstance(end, Finished)
    return end.tokens_per_second


async def generate(app: PicoGPTApp, n_tokens: int, keys: list[Key] | None = None) -> float:
    """Tokens a second in the app."""
    main = app.main
    main.set_settings(replace(settings(n_tokens), top_n=main.settings.top_n))
    main.show_document(main.new_document())
    main.conversation.send(PROMPT)
    await asyncio.sleep(0.3)
    if keys is not None:
        while main.is_generating:
            keys += await press(app, 0.5)
    while main.is_generating:
        await asyncio.sleep(0.1)
    turn = main.document.last("answer")
    assert turn is not None
    return turn.tokens_per_second


async def compare(model: str, n_tokens: int, precision: str) -> None:
    """The lines about generating."""
    app = PicoGPTApp(model=model)
    app.choose_precision(model, precision)
    async with app.run_test(size=(120, 40)):
        while app.main.engine is None:
            await asyncio.sleep(0.05)
        engine = app.main.engine
        if engine.info.precision == INT8:
            KERNEL.wait()
        alone: list[float] = []
        inside: list[float] = []
        for _ in range(ROUNDS):
            alone.append(await asyncio.to_thread(headless, engine, n_tokens))
            inside.append(await generate(app, n_tokens))
        keys: list[Key] = []
        await generate(app, n_tokens, keys)
    one, other = statistics.median(alone), statistics.median(inside)
    sys.stdout.write(f"headless {one:.1f} tokens/s   in the app {other:.1f} tokens/s   share {other / one:.3f}\n")
    took = sorted(1000 * key.seconds for key in keys)
    marks = {"median": took[len(took) // 2], "95 %": took[int(len(took) * 0.95)], "worst": took[-1]}
    words = "   ".join(f"{name} {value:.1f} ms" for name, value in marks.items())
    sys.stdout.write(f"key to paint while it generates   {words}   {len(keys)} keys\n")


def seconds(command: Sequence[str]) -> float:
    """Median of several runs of a process, to its end."""
    took = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def start() -> None:
    """The lines about starting."""
    ours, empty = (seconds([sys.executable, "-c", _FIRST_FRAME.format(app=app)]) for app in (_OURS, _EMPTY))
    sys.stdout.write(f"first frame {ours:.2f} s   empty app {empty:.2f} s   ratio {ours / empty:.2f}\n")
    help = seconds([sys.executable, "-m", "picogpt_tui", "--help"])
    python = seconds([sys.executable, "-c", "pass"])
    sys.stdout.write(f"--help {help:.3f} s   (python itself {python:.3f} s)\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["PICOGPT_HOME"] = home
        arguments = sys.argv[1:]
        os.environ |= {"COLUMNS": "120", "LINES": "40"}
        model, n_tokens, precision = [*arguments, *["stories", "100", FLOAT32][len(arguments) :]]
        asyncio.run(compare(model, int(n_tokens), precision))
        start()
