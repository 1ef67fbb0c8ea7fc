"""Phones: devices whose push tokens are of the fake APNs or FCM."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.apns_service import BUNDLE, ApnsService
from tests.client import Instance
from tests.fcm_service import FcmService
from tests.server import Server


def set_apns_key(
    server: Server, apns: ApnsService, directory: Path, *, instance: Instance | None = None
) -> None:
    """Let an instance, or the server's first, push to APNs with a new key."""
    key, file = apns.new_key(), directory / "AuthKey.p8"
    file.write_text(key.private_pem)
    options = ["--key-id", key.key_id, "--team-id", key.team_id, "--bundle-id", BUNDLE]
    command = ["gateway", "set", "apns", "--key-file", str(file), *options]
    done(server, *command, instance=instance)


def set_service_account(server: Server, fcm: FcmService, directory: Path) -> dict[str, str]:
    """Let the server's first instance push to FCM with a new project."""
    account, file = fcm.new_account(), directory / "service-account.json"
    file.write_text(json.dumps(account))
    done(server, "gateway", "set", "fcm", "--service-account", str(file))
    return account


def import_iphones(
    server: Server,
    devices: Sequence[Mapping[str, object]],
    file: Path,
    *,
    instance: Instance | None = None,
) -> None:
    """Make many devices of an instance, or of the server's first, at once.

    devices: as docs/import.md says.
    """
    lines = [json.dumps({"platform": "apns", **device}) for device in devices]
    file.write_text("\n".join(lines))
    done(server, "import", str(file), instance=instance)


def done(server: Server, *arguments: str, instance: Instance | None = None) -> str:
    """Run a command for an instance, or for the server's first, which must be possible."""
    chosen = server.instance_id if instance is None else instance.id
    ran = server.cli(*arguments, "--instance", chosen)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def iphone(instance: Instance, token: str, *, user: str | None = None) -> str:
    """Register an iPhone; its device id."""
    return _tied(instance, instance.devices.register_apns(token).json()["id"], user)


def android(instance: Instance, token: str, *, user: str | None = None) -> str:
    """Register an Android phone; its device id."""
    return _tied(instance, instance.devices.register_fcm(token).json()["id"], user)


def _tied(instance: Instance, device_id: str, user: str | None) -> str:
    if user is not None:
        assert instance.devices.put_user(device_id, instance.token(user)).status == 200
    return device_id
