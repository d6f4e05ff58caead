"""The benchmark: how fast `accv_cache` is beside its peers. Run it with `python -m benchmarks`."""
