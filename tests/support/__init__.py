"""Helpers of the tests, and references for the library. Nothing here uses the library."""
