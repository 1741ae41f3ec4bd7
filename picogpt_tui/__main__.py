"""`python -m picogpt_tui` is the `picogpt-tui` command."""

from picogpt_tui.cli import main

if __name__ == "__main__":
    main()
