"""Measurements, one file per question; each ends in one line of JSON. Run as `python -m benchmarks.NAME`."""
