"""The store and the server of the service's own integration tests."""

from tests.integration.service.conftest import server, store

__all__ = ["server", "store"]
