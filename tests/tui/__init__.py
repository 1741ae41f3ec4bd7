"""The app: pure parts as examples, the rest by pressing keys."""
