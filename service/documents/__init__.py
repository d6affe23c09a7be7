"""Documents: read into segments, translated as jobs, written with everything but their text as it was."""
