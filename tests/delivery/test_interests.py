"""A publish to interests reaches every device that has any of them, once."""

from tests.browsers import Browsers, hello, new_name
from tests.server import Server
from tests.waiting import finished


def test_a_device_with_several_of_the_interests_gets_one_notification(
    server: Server, browsers: Browsers
) -> None:
    news, sport = new_name("news"), new_name("sport")
    both, one = browsers.new(interests=(news, sport)), browsers.new(interests=(sport,))
    none = browsers.new(interests=(new_name("other"),))
    reply = server.instance.publish.to_interests([news, sport], hello("goal"))
    report = finished(server, reply.json()["publishId"])
    assert (both.titles(), one.titles(), none.titles()) == (["goal"], ["goal"], [])
    assert report["targets"] == 2


def test_more_devices_than_one_batch_holds_each_get_it_once(
    server: Server, browsers: Browsers
) -> None:
    crowd = new_name("crowd")
    everyone = [browsers.new(interests=(crowd,)) for _ in range(620)]
    reply = server.instance.publish.to_interests([crowd], hello("to all"))
    report = finished(server, reply.json()["publishId"], within_s=60)
    assert all(browser.titles() == ["to all"] for browser in everyone)
    assert report["delivered"] == report["targets"] == len(everyone)


def test_an_unsubscribed_device_gets_nothing(server: Server, browsers: Browsers) -> None:
    news = new_name("news")
    browser = browsers.new(interests=(news,))
    assert server.instance.devices.delete_interest(browser.device_id, news).status == 200
    reply = server.instance.publish.to_interests([news], hello("gone"))
    finished(server, reply.json()["publishId"])
    assert browser.titles() == []


def test_a_publish_to_nobody_is_finished_at_once(server: Server) -> None:
    reply = server.instance.publish.to_interests([new_name("nobody")], hello("hello?"))
    assert finished(server, reply.json()["publishId"]) == {}
