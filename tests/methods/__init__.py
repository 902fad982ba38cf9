"""Tests of the ways to learn from few, weak or wrong labels."""
