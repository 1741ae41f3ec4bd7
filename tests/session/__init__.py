"""Tests of the playground without a screen."""
