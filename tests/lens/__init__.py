"""Tests of the model core."""
