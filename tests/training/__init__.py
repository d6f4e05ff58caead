"""Real data loaders: run with `pytest tests/training`, where torch is installed."""
