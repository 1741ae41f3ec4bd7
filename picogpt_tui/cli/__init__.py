"""The `picogpt-tui` command: thin functions between a shell and the program's parts.

stdout is data, stderr is talk, and `exits` has the table of exit codes. Nothing here imports numpy or textual before
the command that needs it runs, so that `--help` and completion answer at once.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from picogpt_tui import __version__
from picogpt_tui.cli.exits import Commands
from picogpt_tui.cli.options import complete_model, examples
from picogpt_tui.errors import PicoGPTError

__all__ = ["main"]

_EXAMPLES = examples(
    "picogpt-tui                              open the app",
    "picogpt-tui --model 124M                 open it with that model",
    'picogpt-tui generate "Once upon a time"  stream a continuation',
    'picogpt-tui next "Once upon a" --top 5   what could come next',
    'picogpt-tui tokenize "Once upon a time"  where the text is cut',
    "picogpt-tui models download 124M         fetch a published GPT-2",
    "picogpt-tui bench 124M                   how fast it is here",
)
_MORE = """

\b
Tab completion, in your shell's start-up file:
  bash  eval "$(_PICOGPT_TUI_COMPLETE=bash_source picogpt-tui)"
  zsh   eval "$(_PICOGPT_TUI_COMPLETE=zsh_source picogpt-tui)"
  fish  _PICOGPT_TUI_COMPLETE=fish_source picogpt-tui | source

\b
Exit codes: 0 done, 1 an error (one line on stderr), 2 wrong usage,
130 interrupted. Models, sessions and settings live in the platform's
own places, or in the folder that PICOGPT_HOME names."""


_COMMANDS = {
    "generate": ("generate:generate", "Continue PROMPT and stream what the model writes."),
    "next": ("next_token:next_token", "List the tokens that could follow PROMPT, the likeliest first."),
    "score": ("score:score", "Say how likely TEXT is, token by token and in all."),
    "tokenize": ("tokenize_text:tokenize", "Cut TEXT into the tokens of a model."),
    "lens": ("lens:lens", "Show what each layer would say after PROMPT."),
    "why": ("why:why", "Say which parts of the model prefer one token to another after PROMPT."),
    "attention": ("attention:attention", "Show where the heads look from a token of PROMPT."),
    "ablate": ("ablate:ablate", "Take parts out of the model and see what comes after PROMPT."),
    "vocab": ("vocab:vocab", "Search a model's whole vocabulary."),
    "compare": ("compare:compare", "Lay two models side by side on TEXT."),
    "inspect": ("inspect_model:inspect", "Show the shape, parameter counts and tensors of MODEL."),
    "bench": ("bench:bench", "Measure how fast MODEL is on this machine."),
    "models": ("models:models", "List, download, check, quantize and remove models."),
}
"""Each command's function below this package, and what the list of commands says of it."""


class _LazyCommands(Commands):
    """Imports a command's module when the command is asked for: the app, and `--help`, open without any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, for help and completion."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(f"{__name__}.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in _COMMANDS.items()])


@click.group("picogpt-tui", cls=_LazyCommands, invoke_without_command=True, epilog=_EXAMPLES + _MORE)
@click.option("-m", "--model", metavar="NAME", shell_complete=complete_model, help="The model to open the app with.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, model: str | None, no_mouse: bool) -> None:
    """A terminal playground for GPT-2. Without a command it opens the app.

    A small model is bundled, so everything works at once and without a network. The commands print for people, or
    with --json for programs: the numbers that the app shows.
    """
    if ctx.invoked_subcommand is not None:
        if model is not None or no_mouse:
            raise click.UsageError(
                "--model and --no-mouse before a command are for the app; a command's options follow it.", ctx
            )
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise PicoGPTError("The app needs a terminal; without one use `picogpt-tui generate PROMPT` (see --help).")
    from picogpt_tui.tui.app import run

    ctx.exit(run(model=model, mouse=not no_mouse))
