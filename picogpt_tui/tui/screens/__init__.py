"""The screens, one a file: each composes and routes."""
