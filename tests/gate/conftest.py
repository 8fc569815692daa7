from tests.gate.redis_plugin import redis_port, stream

__all__ = ["redis_port", "stream"]
