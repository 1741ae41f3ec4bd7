"""The widgets, one a file: state comes down by method or reactive, events go up as messages."""
