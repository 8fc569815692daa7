"""``expunge serve``: the HTTP server, for lineage events from pipelines and for recordings."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from expunge import clock
from expunge.cli.terminal import options, output
from expunge.errors import Misconfigured, UsageError

if TYPE_CHECKING:
    from expunge.bootstrap.serving.clerk_child import ClerkChild
    from expunge.bootstrap.serving.keeper_child import KeeperChild
    from expunge.bootstrap.serving.served_map import ServedMap
    from expunge.core.attempts.client_networks import Network
    from expunge.web.tls import TlsFiles

LOOPBACK = "127.0.0.1"
_PASSWORDS = "EXPUNGE_KNOWN_PASSWORDS"
_SOON = timedelta(days=14)
_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Proxies: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NETWORK", help="A network of proxies whose X-Forwarded-For is believed; may be repeated.", show_default=False),
]
_AccessLog: TypeAlias = Annotated[
    str,
    typer.Option(metavar="FILE", help="Write a line of JSON for each request, without an identifier; - for stderr.", show_default=False),
]
_Certificate: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Speak TLS with this certificate (PEM, the chain after it).", show_default=False)
]
_CertificateKey: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The key of the certificate, readable by this user alone.", show_default=False)
]


def serve(
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = 8765,
    host: Annotated[str, typer.Option(help="The address to listen at.")] = LOOPBACK,
    tls_cert: _Certificate = None,
    tls_key: _CertificateKey = None,
    exposed_plain: Annotated[
        bool, typer.Option("--exposed-plain", help="Speak plain HTTP where other machines reach it: behind a proxy that speaks TLS.")
    ] = False,
    access_log: _AccessLog = "",
    proxy: _Proxies = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Take OpenLineage events and recordings until interrupted; /api/openapi.json describes it, /readyz says whether it is well.

    It opens neither the state nor a key. All that comes in goes on to the keeper; where none runs, it starts one for itself, unless the
    keystore needs a passphrase. Where other machines reach it, it speaks TLS, by --tls-cert and --tls-key. SIGHUP has it read both again,
    after they were renewed, and open the access log anew. Behind a proxy, --proxy names the network from which it connects, so that tries
    to log in are counted by client.
    """
    address = _address(host)
    if (tls_cert is None) != (tls_key is None):
        raise UsageError("a certificate and its key come together", help="give both --tls-cert and --tls-key")
    if not address.is_loopback and tls_key is None and not exposed_plain:
        message = f"other machines reach {address}, and what is sent there can be read on the way"
        help_ = "give --tls-cert and --tls-key; behind a proxy that speaks TLS, say --exposed-plain"
        raise UsageError(message, help=help_)
    served = set_up_pages(map_file, [_network(text) for text in proxy or []])
    pages = served.map.accounts
    from expunge.bootstrap.serving.clerk_child import ClerkChild
    from expunge.bootstrap.serving.keeper_child import KeeperChild
    from expunge.bootstrap.serving.server_door import ServerDoor

    keeper = KeeperChild(map_file, Path(served.map.state))
    clerk = ClerkChild(map_file, Path(served.map.state))
    with ServerDoor.of(served.map) as door:
        offers = ("lineage", "recordings") if door.has_vault else ("lineage",)
    try:
        from expunge.web.serving.server import HttpServer
        from expunge.web.tls import TlsFiles as Files
    except ImportError as error:
        raise _lacking(error) from error
    tls = Files(tls_cert.absolute(), tls_key.absolute()) if tls_cert and tls_key else None
    _tell_end(tls)
    listening = _listen(address, port)
    bound, number = listening.getsockname()[:2]
    url = f"{'https' if tls else 'http'}://{f'[{bound}]' if ':' in bound else bound}:{number}/"

    def ready() -> None:
        shown = [f"serving {url}api/v1/{each}" for each in offers] + ([f"serving pages for people at {pages.origin}"] if pages else [])
        output.write_json("serving/1", {"url": url}) if as_json else output.say("\n".join(shown))
        if pages:
            _tell_first_link(keeper, as_json=as_json)

    with listening, keeper, clerk:
        _begin(keeper, clerk, with_pages=pages is not None, as_json=as_json)
        beside = keeper.look_after, clerk.look_after
        HttpServer(map_file, served, listening, ready, output.note, beside, tls, access_log).run()


def _begin(keeper: KeeperChild, clerk: ClerkChild, *, with_pages: bool, as_json: bool) -> None:
    """Start the processes that answers come from, where none runs; say what is not answered for now, and what cannot be closed."""
    from expunge.bootstrap.serving import closed_worker

    for gap in closed_worker.gaps():
        output.note(f"the web process cannot be closed as it should be: {gap}")
    if why_not := keeper.begin(with_link=with_pages and _shows_link(as_json=as_json)):
        output.note(f"requests are answered with 503 for now: {why_not}")
    if with_pages and (why_not := clerk.begin()):
        output.note(f"pages of families are answered with 503 for now: {why_not}")


def set_up_pages(map_file: Path | None, proxies: Sequence[Network] = ()) -> ServedMap:
    """Set Django up, for the pages too where a map has some, and return what a server needs of the map. Raises Misconfigured.

    It comes before all else: Django is set up once in a process, and all else sets it up without the pages.
    """
    from expunge.bootstrap.serving.served_map import read_served, set_up_api

    # Why gone: settings of another Django program would bring its middleware along.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    found = read_served(map_file)
    try:
        if found.map.accounts is None or found.database is None:
            set_up_api()
            return found
        from expunge.web.site.settings import set_up

        set_up(found.map.accounts, found.database.settings, proxies, os.environ.get(_PASSWORDS, ""), desk=found.desk)
    except ImportError as error:
        raise _lacking(error) from error
    return found


def _shows_link(*, as_json: bool) -> bool:
    """Return whether a link goes where the operator alone reads: who reads it in a file, or in a service's log, is the administrator."""
    return as_json or sys.stderr.isatty()


def _tell_first_link(keeper: KeeperChild, *, as_json: bool) -> None:
    """Tell the operator how the first administrator enrols, while no person is. The link goes to a terminal, or where JSON is read."""
    from expunge.errors import ExpungeError

    def tell(link: str) -> None:
        if as_json:
            output.write_json("staff-first-link/1", {"link": link})
        else:
            output.note("no person of your staff is enrolled yet. The first administrator opens this once, within 72 hours:")
            # Why not as a note: a line that is broken for the terminal would be copied as two.
            typer.echo(link, err=True)
        sys.stdout.flush()

    if keeper.tell_first_link(tell):
        return
    try:
        begun = keeper.staff_begun()
    except ExpungeError:
        # Why nothing: why requests are not answered was told a moment ago.
        return
    if not begun:
        output.note("no person of your staff is enrolled yet: run `expunge staff first-link` as the user who runs the keeper")


def _tell_end(tls: TlsFiles | None) -> None:
    """Tell the operator of a certificate that ends soon."""
    if tls and (left := tls.context()[1] - clock.now()) < _SOON:
        output.note(f"the certificate ends in {output.count(left.days, 'day')}; after it is renewed, send this process SIGHUP")


def _lacking(error: ImportError) -> Misconfigured:
    message = f"the server needs a package that is not installed: {error.name}"
    return Misconfigured(message, help="pip install 'expunge[serve]'")


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        message = f"{output.visible(text)!r} is no network"
        raise UsageError(message, help="write --proxy 10.0.0.7, or --proxy 10.0.0.0/24, as often as there are") from error


def _address(host: str) -> _Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError as error:
        message = f"{output.visible(host)!r} is no IP address"
        raise UsageError(message, help="write --host 127.0.0.1, or ::1") from error


def _listen(address: _Address, port: int) -> socket.socket:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family, backlog=256)
    except OSError as error:
        message = f"{address} port {port} cannot be listened at: {error.strerror}"
        raise Misconfigured(message, help="choose another --port, or stop what listens there") from error
