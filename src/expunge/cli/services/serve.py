"""``expunge serve``: the HTTP server, for lineage events from pipelines."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.errors import Misconfigured, UsageError

LOOPBACK = "127.0.0.1"


def serve(
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = 8765,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = LOOPBACK,
    exposed: Annotated[bool, typer.Option("--exposed", help="Allow an address that other machines reach.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Take OpenLineage events at /api/v1/lineage until interrupted; /api/openapi.json describes it, /healthz says whether it is well.

    It needs no key of the installation and opens none. It speaks plain HTTP: where other machines reach it, put it behind a proxy that
    speaks TLS.
    """
    # Why gone: settings of another Django program would bring its middleware along.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    from expunge.bootstrap.pipelines import LineageDoor

    with LineageDoor.open(map_file):
        listening = _listen(host, port, exposed=exposed)
    try:
        from expunge.web.server import HttpServer
    except ImportError as error:
        message = f"the server needs a package that is not installed: {error.name}"
        raise Misconfigured(message, help="pip install 'expunge[serve]'") from error
    bound, number = listening.getsockname()[:2]
    url = f"http://{f'[{bound}]' if ':' in bound else bound}:{number}/"

    def ready() -> None:
        output.write_json("serving/1", {"url": url}) if as_json else output.say(f"serving {url}api/v1/lineage")

    with listening:
        HttpServer(map_file, listening, ready).run()


def _listen(host: str, port: int, *, exposed: bool) -> socket.socket:
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        message = f"{output.visible(host)!r} is no IP address"
        raise UsageError(message, help="write --host 127.0.0.1, or ::1") from error
    if not address.is_loopback and not exposed:
        message = f"other machines reach {address}, and what is sent there can be read on the way"
        raise UsageError(message, help="put a proxy that speaks TLS before it and keep 127.0.0.1, or say --exposed")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family, backlog=256)
    except OSError as error:
        message = f"{address} port {port} cannot be listened at: {error.strerror}"
        raise Misconfigured(message, help="choose another --port, or stop what listens there") from error
