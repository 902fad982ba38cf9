"""Gated CRF: pixels that are near and look alike belong together."""
