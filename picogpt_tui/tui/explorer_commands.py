"""Everything one can do in the explorer, in one table: keys, footer and its part of the help are made from it."""

from __future__ import annotations

from picogpt_tui.tui.commands import Command

GROUPS = MOVE, TAKE, SHOW, HOLD = "Move", "Take", "Show", "Hold"

VIEWS = (
    ("sampler", "Sampler", "What each sampling stage keeps, removes and makes of every candidate."),
    ("tree", "Tree", "All branches of the text."),
    ("lens", "Lens", "What each layer would say here, if the model ended there."),
    ("why", "Why", "Which parts of the model prefer one token to another."),
    ("heads", "Heads", "Where the attention heads look from here."),
    ("surgery", "Surgery", "Take parts out of the model, and see what comes then."),
    ("pieces", "Pieces", "How the text was cut into tokens, merge by merge."),
    ("words", "Words", "Ask the whole vocabulary."),
    ("compare", "Compare", "Another model on the same text."),
)
"""Each view's id, title, and what it shows; its key is its number."""

COMMANDS = (
    Command("explore-left", "left", "Token before", "One token to the left.", MOVE),
    Command("explore-right", "right", "Token behind", "One token to the right.", MOVE),
    Command("explore-first", "home", "First token", "To the first token.", MOVE),
    Command("explore-last", "end", "Behind the last", "To where the next token would stand.", MOVE),
    Command("explore-up", "up", "Likelier candidate", "Choose the candidate above.", TAKE),
    Command("explore-down", "down", "Less likely candidate", "Choose the candidate below.", TAKE),
    Command("explore-next", "full_stop,alt+full_stop", "Next alternative", "Show the next candidate in place.", TAKE),
    Command("explore-previous", "comma,alt+comma", "Alternative before", "Show the candidate before in place.", TAKE),
    Command("explore-take", "enter", "Take", "Let the chosen candidate stand here: a branch.", TAKE, "take"),
    Command("explore-step", "space", "One token", "Let the model say one more token at the end.", TAKE, "one token"),
    Command("explore-run", "g", "Go on", "Let the model go on from here; esc stops it.", TAKE, "go on"),
    Command("explore-cut", "backspace", "Cut back", "End the text before the cursor; the rest stays a branch.", TAKE),
    Command("explore-undo", "u", "Undo", "Back to the version before.", TAKE, "undo"),
    Command("explore-redo", "r", "Redo", "Take an undo back.", TAKE),
    Command("explore-colour", "c", "Colour", "Surprisal, rank, probability, entropy, boundaries.", SHOW, "colour"),
    Command("explore-marks", "m", "Marks", "The same without colour: shades or digits below the text.", SHOW),
    Command("explore-knob-before", "left_square_bracket", "Knob before", "Choose the sampling knob before.", SHOW),
    Command("explore-knob-behind", "right_square_bracket", "Knob behind", "Choose the one behind.", SHOW),
    Command("explore-knob-less", "minus", "Turn down", "Turn the chosen knob down; the sampler view shows it.", SHOW),
    Command("explore-knob-more", "equals_sign,plus", "Turn up", "Turn the chosen knob up.", SHOW),
    Command("explore-order", "o", "Order, other", "The next order of the stages; in Compare, the other model.", SHOW),
    Command("explore-focus", "tab", "Into the view", "To the view and back to the text.", SHOW, "view"),
    Command("explore-ask", "slash", "Ask the vocabulary", "Search all tokens by text, regex or id.", SHOW),
    Command("explore-hide", "0", "No view", "Give all the room to the text.", SHOW),
    Command("explore-export", "e", "Export", "Write what the view shows: json, csv, svg, html, txt.", HOLD, "export"),
    Command("explore-copy", "y", "Copy", "Copy what the view shows.", HOLD),
    Command("explore-help", "f1", "Help", "What the views show, and where the formulas are from.", HOLD, "help"),
    Command("explore-leave", "escape,f7", "Back", "Stop what runs; else back to the prompt.", HOLD, "back"),
)

VIEW_COMMANDS = tuple(
    Command(f"explore-view-{id}", str(number), title, help, SHOW) for number, (id, title, help) in enumerate(VIEWS, 1)
)
ALL = (*COMMANDS, *VIEW_COMMANDS)
