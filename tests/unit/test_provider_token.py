"""APNs' provider tokens: one for each key, kept for the keys that are in use."""

from datetime import UTC, datetime, timedelta

from heliograph.gateways.provider_token import ProviderTokens
from heliograph.gateways.vapid import new_vapid_key
from heliograph.model.credential import ApnsKey

START = datetime(2026, 1, 1, tzinfo=UTC)


def key_of(team_id: str) -> ApnsKey:
    return ApnsKey(
        team_id=team_id,
        key_id="ABC123DEFG",
        bundle_id="com.example.app",
        private_pem=new_vapid_key().private_pem,
        sandbox=False,
    )


def test_of_too_many_tokens_the_one_not_used_for_longest_is_forgotten() -> None:
    shown = [START]
    tokens = ProviderTokens(lambda: shown[-1], maximum=2)
    often, seldom = key_of("OFTEN"), key_of("SELDOM")
    first = {key: tokens.authorization(key) for key in (often, seldom)}
    shown.append(START + timedelta(minutes=1))
    assert tokens.authorization(often) == first[often]
    tokens.authorization(key_of("ANOTHER"))
    assert tokens.authorization(often) == first[often]
    assert tokens.authorization(seldom) != first[seldom]
