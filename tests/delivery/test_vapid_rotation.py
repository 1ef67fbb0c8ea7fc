"""A new VAPID key does not cost the browsers that subscribed with the old one."""

from tests.browsers import Browsers, hello, new_name
from tests.phones import done
from tests.server import Server
from tests.waiting import finished


def test_browsers_of_the_old_key_and_of_the_new_one_are_reached(
    own_server: Server, own_browsers: Browsers
) -> None:
    devices, user = own_server.instance.devices, new_name("alice")
    old_key = devices.get_vapid_public_key().json()["vapidPublicKey"]
    old = own_browsers.new(user=user)
    done(own_server, "gateway", "set", "web", "--new-key")
    assert devices.get_vapid_public_key().json()["vapidPublicKey"] != old_key
    new = own_browsers.new(user=user)
    done(own_server, "gateway", "set", "web", "--subject", "mailto:other@example.com")
    reply = own_server.instance.publish.to_users([user], hello("to both"))
    report = finished(own_server, reply.json()["publishId"])
    assert (report["delivered"], report["removed"]) == (2, 0)
    assert (old.titles(), new.titles()) == (["to both"], ["to both"])
