"""A playground document without a screen: models loaded once, an engine that runs them, a tree of tokens, files."""
