"""The data map as a file: ``expunge.yaml`` read into typed values, with every fault explained."""

from expunge.adapters.datamap.faults import MapFault, MapFaults
from expunge.adapters.datamap.reader import MAP_NAME, Reading, examine, find_map, read_map

__all__ = ["MAP_NAME", "MapFault", "MapFaults", "Reading", "examine", "find_map", "read_map"]
