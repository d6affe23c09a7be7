"""The HTTP service: reads bundles, decodes in flight, answers."""
