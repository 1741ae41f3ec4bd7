"""The command line, seen from a shell: what goes to stdout, what to stderr, and with which exit code."""
