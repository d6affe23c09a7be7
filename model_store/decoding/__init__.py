"""Beam search in flight: slots, not batches."""
