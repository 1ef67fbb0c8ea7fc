"""How a credential stands: what the store tells of it, and what its gateway says when asked."""

from dataclasses import dataclass
from datetime import datetime

from heliograph.gateways.access_token import AccessToken
from heliograph.gateways.opening import Gateways
from heliograph.model.credential import (
    ApnsCertificate,
    ApnsKey,
    Credential,
    Held,
    ServiceAccount,
    WebIdentity,
)
from heliograph.model.device import Platform
from heliograph.model.ids import InstanceId
from heliograph.model.verdict import CredentialRefused, HostLost, Retry, Verdict
from heliograph.store import answers, credentials, pauses
from heliograph.store.engine import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A credential of an instance. trouble: what speaks against it; None if nothing does."""

    held: Held
    trouble: str | None

    @property
    def platform(self) -> Platform:
        return self.held.platform

    @property
    def description(self) -> str:
        return description_of(self.held.credential)

    @property
    def expires_at(self) -> datetime | None:
        credential = self.held.credential
        return credential.expires_at if isinstance(credential, ApnsCertificate) else None


async def standing_of(
    store: Store, instance_id: InstanceId, platform: Platform, *, now: datetime
) -> Standing | None:
    """What is known of the credential without asking; None if there is none."""
    async with store.reading() as connection:
        held = await credentials.find(connection, store.seal, instance_id, platform)
        if held is None:
            return None
        pause = await pauses.find(connection, instance_id, platform)
        lately = await answers.lately(connection, instance_id, platform, held.id, now=now)
    trouble = None
    if pause is not None and pause.credential_id == held.id:
        trouble = f"refused since {pause.since:%Y-%m-%d %H:%M}: {pause.reason}"
    elif lately.mismatched and not lately.believes_mismatches:
        count = lately.mismatched
        trouble = f"{count} devices of another environment, app or key: none is removed"
    return Standing(held=held, trouble=trouble)


async def ask(standing: Standing, gateways: Gateways) -> str | None:
    """What speaks against the credential once its gateway was asked; None if nothing does."""
    said: Verdict | AccessToken
    match standing.held.credential:
        case ApnsKey() | ApnsCertificate() as credential:
            async with gateways.open_apns(credential) as apns:
                said = await apns.check()
        case ServiceAccount() as account:
            said = await gateways.access_tokens.token(account)
        case _:
            # Push services know a VAPID key by the subscriptions that were made with it alone.
            return standing.trouble
    return (
        said.reason
        if isinstance(said, CredentialRefused | Retry | HostLost)
        else (standing.trouble)
    )


def description_of(credential: Credential) -> str:
    """The credential in words, without its secret."""
    match credential:
        case ApnsKey(team_id=team, key_id=key, bundle_id=bundle):
            return f"key {key} of team {team} for {bundle}, {_environment(credential)}"
        case ApnsCertificate(topics=topics):
            return f"certificate for {', '.join(topics)}, {_environment(credential)}"
        case ServiceAccount(client_email=email, project_id=project):
            return f"{email} for {project}"
        case WebIdentity(subject=subject, keys=keys):
            return f"{len(keys)} VAPID key(s), subject {subject or 'of the server'}"


def _environment(credential: ApnsKey | ApnsCertificate) -> str:
    return "sandbox" if credential.sandbox else "production"
