"""An instance in a store of either kind."""

import pytest

from heliograph.data import create_instance, new_secret_key
from heliograph.model.ids import InstanceId, new_instance_id
from heliograph.store.engine import Store


@pytest.fixture
async def instance_id(store: Store) -> InstanceId:
    made = new_instance_id()
    await create_instance(store, "race", made, new_secret_key())
    return made
