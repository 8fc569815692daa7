"""The data map as a file: ``expunge.yaml`` read into typed values, with every fault explained."""

from expunge.maps.document.faults import MapFault, MapFaults
from expunge.maps.reading.reader import MAP_NAME, MapReading, examine, find_map, read_map

__all__ = ["MAP_NAME", "MapFault", "MapFaults", "MapReading", "examine", "find_map", "read_map"]
