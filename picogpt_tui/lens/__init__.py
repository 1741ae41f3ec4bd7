"""Numbers about a text: what the model thought of it, where it looked, and why. NumPy, no screen."""
