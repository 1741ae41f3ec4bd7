"""Which models exist, and which of them are on this machine."""
