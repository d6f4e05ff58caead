"""The settings of tests whose input hypothesis makes."""

from hypothesis import HealthCheck, settings


def examples(number: int, *, derandomize: bool = True) -> settings:
    """So many examples, the same in every run, on a machine that may be as slow as it likes.

    Without a random part there is no database of failures, which processes would share.
    """
    return settings(
        max_examples=number,
        derandomize=derandomize,
        deadline=None,
        # The second is for fixtures that are made once per test, not per example.
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
