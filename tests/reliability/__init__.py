"""Tests that attack the library: run with `pytest tests/reliability`. See docs/reliability.md."""
