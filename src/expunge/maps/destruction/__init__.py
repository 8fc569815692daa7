"""Orders of destruction as files: ``orders/*.yaml`` read into typed values, with every fault explained."""

from expunge.maps.destruction.reader import OrderFaults, read_order
from expunge.maps.destruction.schema import json_schema

__all__ = ["OrderFaults", "json_schema", "read_order"]
