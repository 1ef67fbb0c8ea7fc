"""Lists of publishes: each publish once, newest first, and no dearer with more of them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert

from heliograph.data import create_instance, new_secret_key
from heliograph.model.ids import InstanceId, PublishId, UserId, new_instance_id, new_publish_id
from heliograph.model.publish import AudienceKind, PublishState
from heliograph.model.report import Listed, Stage
from heliograph.model.shard import Shard
from heliograph.store import published, publishes, schema, timelines
from heliograph.store.database import PostgresqlUrl
from heliograph.store.engine import Store, open_store
from heliograph.store.published import Place, Wanted
from tests.databases import SEAL
from tests.store.explained import visited
from tests.store.racing import FCM, NOW, publish_of

DAY = timedelta(days=1)
MANY, FEW = 6_000, 20


async def test_publishes_of_one_millisecond_are_listed_page_by_page_each_once(
    store: Store, instance_id: InstanceId
) -> None:
    made = set()
    for at in (NOW, NOW, NOW, NOW - DAY, NOW - DAY):
        publish = msgspec.structs.replace(publish_of(instance_id), accepted_at=at)
        async with store.writing() as tx:
            await publishes.begin(tx, publish, [Shard(platform=FCM, number=0)], [], now=NOW)
        made.add(publish.id)
    found, wanted = list[Listed](), Wanted()
    async with store.reading() as connection:
        while page := await published.page(connection, instance_id, wanted, limit=2):
            found += page
            wanted = Wanted(behind=Place.read(Place.of(page[-1]).written()))
    assert len(found) == len(made)
    assert {one.publish_id for one in found} == made
    assert [one.accepted_at for one in found] == [NOW] * 3 + [NOW - DAY] * 2


async def test_each_publish_is_listed_at_its_own_stage_alone(
    store: Store, instance_id: InstanceId
) -> None:
    made = {}
    for state in ("running", "paused", "cancelled"):
        for finished_at in (None, NOW):
            row = row_of(instance_id, 0, state=PublishState(state), finished_at=finished_at)
            async with store.writing() as tx:
                await tx.execute(insert(schema.publishes), [row])
            made[row["id"]] = row
    async with store.reading() as connection:
        listed = {
            stage: await published.page(connection, instance_id, Wanted(stage=stage), limit=9)
            for stage in Stage
        }
    assert {stage: len(found) for stage, found in listed.items()} == {
        Stage.UNDER_WAY: 1,
        Stage.PAUSED: 1,
        Stage.FINISHED: 2,
        Stage.CANCELLED: 2,
    }
    for stage, found in listed.items():
        assert {one.stage for one in found} == {stage}


class Filled:
    """An instance with many publishes to users, each with a verdict and a report."""

    def __init__(self, store: Store, instance_id: InstanceId) -> None:
        self.store = store
        self.instance_id = instance_id
        self.ids: list[str] = []

    async def fill(self) -> None:
        rows = [row_of(self.instance_id, number, finished_at=NOW) for number in range(MANY)]
        self.ids = [str(row["id"]) for row in rows]
        said = [
            {
                "instance_id": self.instance_id,
                "publish_id": publish_id,
                "device_id": f"fcm-{number}",
                "number": 0,
                "user_id": f"user-{number}",
                "platform": FCM,
                "outcome": "delivered",
                "reason": "",
                "said_at": NOW,
            }
            # Half of them are of one large publish.
            for number, publish_id in enumerate([*self.ids[: MANY // 2], *[self.ids[0]] * MANY])
        ]
        async with self.store.writing() as tx:
            await tx.execute(insert(schema.publishes), rows)
            await tx.execute(insert(schema.verdicts), said)
        await self.store.survey()


@pytest.fixture
async def filled(database: Path | PostgresqlUrl) -> AsyncIterator[Filled]:
    async with open_store(database, SEAL) as store:
        made = Filled(store, new_instance_id())
        await create_instance(store, "filled", made.instance_id, new_secret_key())
        await made.fill()
        yield made


def row_of(instance_id: InstanceId, number: int, **other: object) -> dict[str, object]:
    return {
        "instance_id": instance_id,
        "id": new_publish_id(),
        "audience": AudienceKind.USERS,
        "names": "[]",
        "accepted_at": NOW - timedelta(seconds=number),
        "state": PublishState.RUNNING,
        "finished_at": None,
        **other,
    }


async def test_no_question_costs_more_with_more_publishes(filled: Filled) -> None:
    mine, large = filled.instance_id, PublishId(filled.ids[0])
    behind = Place(accepted_at=NOW - timedelta(seconds=MANY // 2), publish_id="")
    middle = Wanted(behind=behind, audience=AudienceKind.USERS)
    since = Wanted(until=NOW - timedelta(seconds=MANY // 2))
    users = [UserId(f"user-{number}") for number in range(FEW)]

    asked = {
        "newest": lambda tx: published.page(tx, mine, Wanted(), limit=FEW),
        "in the middle": lambda tx: published.page(tx, mine, middle, limit=FEW),
        "until": lambda tx: published.page(tx, mine, since, limit=FEW),
        "a few users of many": lambda tx: published.said_of_users(tx, mine, large, users),
        "a user": lambda tx: timelines.facts_of(tx, mine, users[7], None, now=NOW),
    }
    costs = {name: await visited(filled.store, work) for name, work in asked.items()}
    assert {name: cost for name, cost in costs.items() if cost > MANY / 2} == {}
