"""Tests with real engines: they run when named."""
