"""The ways to run a decoding step, one per file."""
