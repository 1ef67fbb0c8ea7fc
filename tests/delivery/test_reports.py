"""What devices report back is counted once for each device and publish."""

import time
from concurrent.futures import ThreadPoolExecutor

from tests.browsers import Browser, Browsers, hello, new_name
from tests.server import Server
from tests.waiting import finished


def report(browser: Browser, publish_id: str, event: str) -> None:
    body = {
        "event": event,
        "publishId": publish_id,
        "deviceId": browser.device_id,
        "timestampSecs": int(time.time()),
    }
    assert browser.instance.reporting.report(body).status == 200


def test_a_report_counts_once_however_often_it_comes(server: Server, browsers: Browsers) -> None:
    user = new_name("alice")
    first, second = browsers.new(user=user), browsers.new(user=user)
    reply = server.instance.publish.to_users([user], hello("seen?"))
    publish_id = reply.json()["publishId"]
    finished(server, publish_id)
    with ThreadPoolExecutor(8) as devices:
        for event in ["delivery", "Delivery"] * 4:
            devices.submit(report, first, publish_id, event)
    report(second, publish_id, "delivery")
    report(second, publish_id, "Open")
    counts = finished(server, publish_id)
    assert (counts["acknowledged"], counts["opened"]) == (2, 1)


def test_a_report_of_a_stranger_is_not_counted(server: Server, browsers: Browsers) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    reply = server.instance.publish.to_users([user], hello("seen?"))
    publish_id = reply.json()["publishId"]
    finished(server, publish_id)
    stopped = browsers.new(user=user)
    stopped.stop()
    report(stopped, publish_id, "delivery")
    report(browser, "pubid-00000000-0000-4000-8000-000000000000", "delivery")
    assert finished(server, publish_id)["acknowledged"] == 0
