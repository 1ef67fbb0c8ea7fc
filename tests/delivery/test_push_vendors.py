"""Every vendor's push service is understood: what it takes, and how it says that one is gone."""

from tests.browsers import Browsers, hello, new_name
from tests.push_service import PushService
from tests.server import Server
from tests.waiting import finished

VENDORS = ("mozilla", "fcm", "apple", "wns", "unifiedpush")


def test_the_browsers_of_every_vendor_are_reached_and_forgotten_when_they_are_gone(
    own_server: Server, own_browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    browsers = [own_browsers.new(user=user, vendor=vendor) for vendor in VENDORS]
    for title in ("first", "second"):
        reply = own_server.instance.publish.to_users([user], hello(title))
        report = finished(own_server, reply.json()["publishId"])
        assert (report["delivered"], report["removed"]) == (len(VENDORS), 0)
    assert [one.titles() for one in browsers] == [["first", "second"]] * len(VENDORS)
    for browser in browsers:
        push_service.expire(browser.subscription)
    reply = own_server.instance.publish.to_users([user], hello("third"))
    report = finished(own_server, reply.json()["publishId"])
    assert (report["delivered"], report["removed"]) == (0, len(VENDORS))
