"""What a webhook's secret, URL and password are is nowhere to be read."""

import sqlite3
from contextlib import closing

from tests.browsers import hello, new_name
from tests.receiver import Receiver
from tests.server import Server

SECRET, PATH, PASSWORD = "hush-signs-hush", "hush-path-hush", "hush-password-hush"
HUSH = b"hush"


def test_secrets_are_in_no_file_and_no_log(own_server: Server) -> None:
    instance = own_server.instance
    with Receiver(secret=SECRET) as receiver, Receiver(secret=None) as other:
        receiver.answer_next(500)
        url = f"{receiver.origin}/{PATH}".replace("//", f"//user:{PASSWORD}@")
        command = ["webhook", "add", "--url", "-", "--secret", "-", "--events", "attempt"]
        added = own_server.cli(*command, stdin=f"{url}\n{SECRET}\n")
        assert (added.returncode, "hush" in added.stdout) == (0, False)
        other_url = f"{other.origin}/{PATH}".replace("//", f"//user:{PASSWORD}@")
        body = {"webhookUrl": other_url, **hello("news")}
        assert instance.publish.to_interests([new_name("news")], body).status == 200
        assert instance.publish.to_users([new_name("nobody")], hello("hello")).status == 200
        receiver.calls()
        other.calls(2)
        # The path is shown to the operator, who has named it.
        listed = own_server.cli("webhook", "list").stdout
        assert (PATH in listed, PASSWORD in listed, SECRET in listed) == (True, False, False)
        assert HUSH not in b"".join(
            file.read_bytes() for file in own_server.data.rglob("*") if file.is_file()
        )
    own_server.stop()
    with closing(sqlite3.connect(own_server.data / "heliograph.db")) as database:
        [(waiting,)] = database.execute("SELECT count(*) FROM webhook_calls")
    assert waiting == 1
    kept = [file for file in own_server.data.rglob("*") if file.is_file()]
    assert all(HUSH not in file.read_bytes() for file in [*kept, own_server.log])
