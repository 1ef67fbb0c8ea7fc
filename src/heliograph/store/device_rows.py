"""A device as a row of its table, and back."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Row

from heliograph.model.device import Device, Platform, token_hash


def device_of(row: Row[Any]) -> Device:
    return Device(
        instance_id=row.instance_id,
        id=row.id,
        platform=Platform(row.platform),
        push_token=row.push_token,
        user_id=row.user_id,
        metadata=msgspec.json.decode(row.metadata),
        registered_at=row.registered_at,
        vapid_key=row.vapid_key,
        lost_since=row.lost_since,
    )


def row_of(device: Device) -> dict[str, Any]:
    row = msgspec.structs.asdict(device)
    row["metadata"] = encoded(device.metadata)
    return {**row, "token_hash": token_hash(device.push_token)}


def encoded(metadata: Mapping[str, Any]) -> str:
    """Metadata as it is stored."""
    return msgspec.json.encode(metadata).decode()
