"""Settings: each declared once. Flags, environment, file, help and documentation come from here.

This is the only place that reads the environment or a settings file. Flags win over HELIOGRAPH_*
variables, which win over heliograph.toml in the working directory, which wins over the default.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from heliograph.broker.address import BrokerAddress, parse_broker_address
from heliograph.gateways.guard import Network
from heliograph.model.errors import Misconfigured
from heliograph.model.role import Role
from heliograph.setting_values import (
    ListenAddress,
    parse_collector,
    parse_contact,
    parse_days,
    parse_days_kept,
    parse_listen_address,
    parse_log_format,
    parse_log_level,
    parse_master_key,
    parse_networks,
    parse_port,
    parse_rate,
    parse_replicas,
    parse_roles,
    parse_seconds,
    parse_url,
    parse_workers,
)
from heliograph.settings_file import FILE, read_file
from heliograph.store.database import PostgresqlUrl, parse_postgresql_url
from heliograph.store.sealed import MasterKey

_PREFIX = "HELIOGRAPH_"


def _setting(
    default: Any, parse: Callable[[str], Any], *, metavar: str, text: str, secret: bool = False
) -> Any:
    """Declare a setting. parse raises ValueError with a reason that completes "NAME …".

    A secret has no flag: every user of a machine can read the command lines on it.
    """
    described = {"parse": parse, "metavar": metavar, "help": text, "secret": secret}
    return field(default=default, metadata=described)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How this server is set up. Checked as a whole when it is loaded."""

    data: Path = _setting(
        Path("data"),
        Path,
        metavar="DIR",
        text="Folder of the database, the streams and the master key. Made if it isn't there.",
    )
    host: str = _setting(
        "127.0.0.1",
        str,
        metavar="HOST",
        text="Address to listen on. 0.0.0.0 is all of them; have TLS there, here or by a proxy.",
    )
    port: int = _setting(8400, parse_port, metavar="PORT", text="TCP port of the HTTP API.")
    url: str | None = _setting(
        None,
        parse_url,
        metavar="URL",
        text="How clients reach this server, if not at HOST and PORT. With a path, requests are"
        " answered under it, too. Beams tokens with this issuer are accepted.",
    )
    tls_cert: Path | None = _setting(
        None,
        Path,
        metavar="FILE",
        text="The server's certificate with its chain behind it (PEM): then it speaks TLS."
        " A renewed one is taken without a restart.",
    )
    tls_key: Path | None = _setting(
        None, Path, metavar="FILE", text="The certificate's key (PEM), without a password."
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        (),
        parse_networks,
        metavar="CIDR,...",
        text="Networks of reverse proxies: what these say in X-Forwarded-For of a client's address"
        " is believed.",
    )
    contact: str | None = _setting(
        None,
        parse_contact,
        metavar="URI",
        text="Where push services find you: mailto:ops@example.com or an https page."
        " Safari gets no notification without it. An instance can have its own:"
        " heliograph gateway set web.",
    )
    database_url: PostgresqlUrl | None = _setting(
        None,
        parse_postgresql_url,
        metavar="URL",
        text="PostgreSQL database for more than one machine, instead of SQLite in DIR:"
        " postgresql://user:password@host/database. With a password in it, better give it as the"
        " variable: other users of a machine see its command lines.",
    )
    master_key: MasterKey | None = _setting(
        None,
        parse_master_key,
        metavar="BASE64",
        text="Key that seals secrets in the database, 32 bytes in base64."
        " Without it, one is made and kept in DIR/master.key.",
        secret=True,
    )
    nats_url: BrokerAddress | None = _setting(
        None,
        parse_broker_address,
        metavar="URL,...",
        text="The servers of a NATS cluster with JetStream to use as the broker:"
        " nats://user:password@a:4222,b:4222,c:4222, or tls://. Without it, a broker of its own is"
        " embedded. With a password, better give it as the variable: other users of a machine see"
        " its command lines.",
    )
    nats_replicas: int = _setting(
        3,
        parse_replicas,
        metavar="NUMBER",
        text="How many servers of the NATS cluster keep each message; 1 for a single server.",
    )
    roles: tuple[Role, ...] = _setting(
        tuple(Role),
        parse_roles,
        metavar="ROLE,...",
        text="Work that is done here: fanout turns publishes into batches, deliver sends these and"
        " settles them, webhook calls the apps' servers. none: what is left out, a heliograph"
        " worker must do.",
    )
    workers: int = _setting(
        0,
        parse_workers,
        metavar="NUMBER",
        text="Processes beside the API that do the work, at best one for each core of the machine;"
        " 0: the API's process does it.",
    )
    allow_private_endpoints: tuple[Network, ...] = _setting(
        (),
        parse_networks,
        metavar="CIDR,...",
        text="Networks that push endpoints and webhooks may lie in besides the public internet;"
        " plain http is taken there, too.",
    )
    gateway_ca: Path | None = _setting(
        None,
        Path,
        metavar="FILE",
        text="Certificates (PEM) of an authority that push services and webhooks may have besides"
        " the usual.",
    )
    apns_url: str | None = _setting(
        None,
        parse_url,
        metavar="URL",
        text="Where APNs is, if not at Apple: for tests and closed networks.",
    )
    fcm_url: str | None = _setting(
        None,
        parse_url,
        metavar="URL",
        text="Where FCM is, if not at Google: for tests and closed networks.",
    )
    fcm_token_url: str | None = _setting(
        None,
        parse_url,
        metavar="URL",
        text="Where access tokens for FCM come from, if not from Google.",
    )
    publish_rate: int = _setting(
        100,
        parse_rate,
        metavar="NUMBER",
        text="How many requests a second an instance's secret keys are good for; 0: any number."
        " More are answered with 429.",
    )
    device_rate: int = _setting(
        50,
        parse_rate,
        metavar="NUMBER",
        text="How many requests a second devices at one address may make, after a burst of ten"
        " seconds' worth; 0: any number. More are answered with 429; reports, which are counted"
        " apart, with 200 and dropped. Behind a reverse proxy set --trusted-proxies, or all devices"
        " are at one address.",
    )
    webhook_retention: int = _setting(
        7,
        parse_days,
        metavar="DAYS",
        text="How long calls that no webhook has taken are kept, to be made again by hand.",
    )
    publish_retention: int = _setting(
        30,
        parse_days_kept,
        metavar="DAYS",
        text="How long what became of a publish is kept after its end, and what happened to"
        " users' devices; at least 2.",
    )
    insights_retention: int = _setting(
        400,
        parse_days,
        metavar="DAYS",
        text="How many days the figures of each hour are kept: see heliograph insights.",
    )
    drain: timedelta = _setting(
        timedelta(seconds=30),
        parse_seconds,
        metavar="SECONDS",
        text="How long a stop waits for work in hand. What is not done then is done after a start.",
    )
    log_level: str = _setting(
        "info", parse_log_level, metavar="LEVEL", text="debug, info, warning or error."
    )
    log_format: str = _setting(
        "text",
        parse_log_format,
        metavar="FORMAT",
        text="text, or json: one object a line, with the publish and instance it is about.",
    )
    metrics: ListenAddress | None = _setting(
        None,
        parse_listen_address,
        metavar="HOST:PORT",
        text="Where to answer GET /metrics for Prometheus, like 127.0.0.1:9400: apart from the API,"
        " and for whoever reaches it. Without it nothing is counted.",
    )
    otlp_endpoint: str | None = _setting(
        None,
        parse_collector,
        metavar="URL",
        text="OpenTelemetry collector that traces are sent to by OTLP over HTTP, like"
        " http://127.0.0.1:4318. The OTEL variables of the SDK say the rest. Without it nothing is"
        " traced.",
    )

    @property
    def base_url(self) -> str:
        """How clients reach this server."""
        return self.url or self._url_at(self.host)

    @property
    def local_url(self) -> str:
        """How commands on this machine reach it."""
        return self._url_at({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host))  # noqa: S104

    def _url_at(self, host: str) -> str:
        scheme = "https" if self.tls_cert else "http"
        name = f"[{host}]" if ":" in host else host
        return f"{scheme}://{name}:{self.port}"


def variable_of(setting: "Field[Any]") -> str:
    return _PREFIX + setting.name.upper()


def flag_of(setting: "Field[Any]") -> str:
    return "--" + setting.name.replace("_", "-")


def load(flags: Mapping[str, str | None]) -> Settings:
    """Settings from flags (by field name), environment and file.

    Raises Misconfigured that names everything that is wrong at once.
    """
    in_file = read_file()
    values: dict[str, Any] = {}
    faults: list[str] = _unknown(in_file)
    for setting in fields(Settings):
        found = _find(setting, flags, in_file)
        if found is None:
            continue
        source, text = found
        try:
            values[setting.name] = setting.metadata["parse"](text)
        except ValueError as error:
            faults.append(f"{source} {error}")
    faults += _half_given(values) + _idle_workers(values)
    if faults:
        raise Misconfigured("\n".join(faults), "See: heliograph serve --help")
    return Settings(**values)


def _find(
    setting: "Field[Any]", flags: Mapping[str, str | None], in_file: Mapping[str, str]
) -> tuple[str, str] | None:
    flag, variable = flags.get(setting.name), os.environ.get(variable_of(setting))
    if flag is not None:
        return flag_of(setting), flag
    if variable is not None:
        return variable_of(setting), variable
    if setting.name in in_file:
        return f"{setting.name} in {FILE}", in_file[setting.name]
    return None


def _unknown(in_file: Mapping[str, str]) -> list[str]:
    known = [setting.name for setting in fields(Settings)]
    faults = []
    for name in in_file.keys() - set(known):
        close = difflib.get_close_matches(name, known, n=1)
        hint = f", did you mean {close[0]}?" if close else ""
        faults.append(f"{name} in {FILE} is not a setting{hint}")
    return faults


def _half_given(values: Mapping[str, Any]) -> list[str]:
    pair = {"tls_cert", "tls_key"}
    missing = pair - values.keys()
    if len(missing) != 1:
        return []
    return [f"{missing.pop()} is missing: {(pair & values.keys()).pop()} is of no use without it"]


def _idle_workers(values: Mapping[str, Any]) -> list[str]:
    if not values.get("workers") or values.get("roles", True):
        return []
    return ["workers have nothing to do with roles none: set either, not both"]


def default_text(setting: "Field[Any]") -> str:
    """The default as one would write it; empty if there is none."""
    default = setting.default
    if default is None or default is MISSING or default == ():
        return ""
    if isinstance(default, tuple):
        return ",".join(default)
    if isinstance(default, timedelta):
        return f"{default.total_seconds():g}"
    return str(default)
