"""Reproducible comparisons; each module with a `main` is run as `python -m bench.NAME`."""
