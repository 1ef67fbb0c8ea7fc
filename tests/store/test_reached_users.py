"""What a publish to users came to for each of them, by all that was said of their devices."""

import pytest

from heliograph.model.batch import Batch
from heliograph.model.ids import DeviceId, InstanceId, UserId, new_publish_id
from heliograph.model.publish import AudienceKind
from heliograph.model.webhook_body import (
    Reached,
)
from heliograph.store import verdicts
from heliograph.store.engine import Store
from heliograph.store.verdicts import Noted
from tests.store.racing import FCM, NOW

DELIVERED, FAILED, NO_DEVICES = Reached.DELIVERED, Reached.FAILED, Reached.NO_DEVICES


@pytest.mark.parametrize(
    ("devices", "reached"),
    [
        ([["delivered"]], DELIVERED),
        ([["retried", "retried", "delivered"]], DELIVERED),
        ([["failed"], ["untied"], ["delivered"], ["removed"]], DELIVERED),
        ([["failed"]], FAILED),
        ([["removed"], ["untied"]], FAILED),
        ([["retried", "cancelled"]], FAILED),
        ([["untied"]], NO_DEVICES),
        ([["retried", "untied"], ["untied"]], NO_DEVICES),
    ],
    ids=str,
)
async def test_the_best_of_a_users_devices_counts(
    store: Store, instance_id: InstanceId, devices: list[list[str]], reached: Reached
) -> None:
    batch = Batch(
        publish_id=new_publish_id(),
        instance_id=instance_id,
        audience=AudienceKind.USERS,
        platform=FCM,
        shard=0,
        number=1,
        accepted_at=NOW,
        payload={},
        targets=[],
    )
    async with store.writing() as tx:
        for number, outcomes in enumerate(devices):
            for version, outcome in enumerate(outcomes):
                said = Noted(
                    device_id=DeviceId(f"fcm-{number}"),
                    user_id=UserId("alice"),
                    outcome=outcome,
                    reason="",
                )
                await verdicts.add_all(tx, batch, version, [said], now=NOW)
        found = await verdicts.reached_users(tx, instance_id, batch.publish_id)
    assert found == {"alice": reached}
