"""What a peer is asked to do: the job that it reads from stdin, and the figures it answers."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from bench.fanout.senders import Sender
from bench.stage.credentials import APNS_KEY_ID, APNS_TEAM_ID, BUNDLE_ID
from bench.stage.fake import Fake
from bench.stage.payloads import message
from bench.stage.programs import REPOSITORY, SOURCE
from bench.stage.stage import Stage

IN_FLIGHT = 100
"""As many as Heliograph has for an instance."""
_A_PUBLISH = "pubid-00000000-0000-4000-8000-000000000000"


class Job(msgspec.Struct, kw_only=True):
    """All that any peer needs: its own takes what it knows. devices: the file of the import."""

    platform: str
    devices: str
    count: int
    in_flight: int
    url: str
    host: str
    port: int
    authority: str
    body: str
    headers: Mapping[str, str]
    bundle_id: str
    apns_key: str
    apns_key_id: str
    apns_team_id: str
    peers_account: str
    vapid_key: str
    contact: str = "mailto:bench@example.com"
    time_to_live: int = 2_419_200


class Figures(msgspec.Struct, kw_only=True):
    """What came of so many messages. fake_busy: the share of a core that the fake needed."""

    sent: int
    failed: int
    wall_s: float
    cpu_s: float
    peak_memory_mb: float
    fake_busy: float = 0

    @property
    def per_s(self) -> float:
        return self.sent / self.wall_s

    @property
    def per_cpu_s(self) -> float:
        return self.sent / self.cpu_s


def job_for(stage: Stage, platform: str, devices: Path, count: int, instance_id: str) -> Job:
    """The same messages to the same devices as a publish to them."""
    sent, url = message(platform, instance_id, _A_PUBLISH), urlsplit(stage.fake.url)
    return Job(
        platform=platform,
        devices=str(devices),
        count=count,
        in_flight=IN_FLIGHT,
        url=stage.fake.url,
        host=url.hostname or "",
        port=url.port or 0,
        authority=str(stage.fake.authority_file),
        body=sent.body.decode(),
        headers=sent.headers,
        bundle_id=BUNDLE_ID,
        apns_key=str(stage.credentials.apns_key),
        apns_key_id=APNS_KEY_ID,
        apns_team_id=APNS_TEAM_ID,
        peers_account=str(stage.credentials.peers_account),
        vapid_key=str(stage.credentials.vapid_key),
    )


def done_by(sender: Sender, job: Job, fake: Fake) -> Figures:
    """Let a sender do the job, in a process of its own. Raises RuntimeError if not all of it."""
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{SOURCE}"}
    fake_cpu_s, answered = fake.cpu_s(), fake.answered()
    ran = subprocess.run(
        sender.command,
        input=msgspec.json.encode(job),
        env=environment,
        capture_output=True,
        check=False,
    )
    if ran.returncode != 0:
        raise RuntimeError(f"{sender.name}: exit {ran.returncode}\n{ran.stderr.decode()[-2000:]}")
    figures = msgspec.json.decode(ran.stdout, type=Figures)
    reached = fake.answered() - answered
    if figures.failed or figures.sent != job.count or reached < job.count:
        raise RuntimeError(
            f"{sender.name}: {figures}, {reached} came\n{ran.stderr.decode()[-2000:]}"
        )
    figures.fake_busy = round((fake.cpu_s() - fake_cpu_s) / figures.wall_s, 2)
    return figures
