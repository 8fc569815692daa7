"""What passes between a closed process and its parent: a request, ranges of a recording as the child asks for them, an answer.

The child is not believed: each length is bounded, and a range has to lie in the recording.
"""

from __future__ import annotations

import struct

REQUEST = struct.Struct(">I")
"""Bytes of the request's head, JSON, that follow."""
ANSWER = struct.Struct(">BQQ")
"""A kind, and two numbers."""
READ, DONE = 1, 2
"""The child asks for the bytes from the first number to before the second; or it has done, and a head and a body of such lengths follow."""
MOST_HEAD, MOST_BODY = 64 << 10, 64 << 20
