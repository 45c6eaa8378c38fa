"""Tests that try to break the promises P1, P2, P3 and P5, through the public door."""
