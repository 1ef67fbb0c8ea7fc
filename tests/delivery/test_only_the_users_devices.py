"""A user's notification goes to all devices of that user, and to no other device, ever."""

from concurrent.futures import ThreadPoolExecutor

from tests.browsers import Browsers, hello, new_name
from tests.client import Instance
from tests.push_service import Answer, PushService
from tests.server import Server
from tests.waiting import eventually, finished


def publish_to(instance: Instance, users: list[str], title: str) -> str:
    reply = instance.publish.to_users(users, hello(title))
    assert reply.status == 200
    return str(reply.json()["publishId"])


def test_every_device_of_the_user_gets_it_and_no_other(server: Server, browsers: Browsers) -> None:
    alice, bob = new_name("alice"), new_name("bob")
    hers = [browsers.new(user=alice) for _ in range(3)]
    others = [browsers.new(user=bob), browsers.new()]
    report = finished(server, publish_to(server.instance, [alice], "for Alice"))
    assert [browser.titles() for browser in hers] == [["for Alice"]] * 3
    assert [browser.titles() for browser in others] == [[], []]
    assert report["targets"] == report["delivered"] == 3


def test_several_users_get_it_once_each(server: Server, browsers: Browsers) -> None:
    users = [new_name("user") for _ in range(4)]
    theirs = [browsers.new(user=user) for user in users]
    finished(server, publish_to(server.instance, users[:3], "for three"))
    assert [browser.titles() for browser in theirs] == [["for three"]] * 3 + [[]]


def test_the_same_user_id_in_another_instance_is_another_user(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    other = Browsers(push_service, server.create_instance("other"))
    user = new_name("alice")
    here, there = browsers.new(user=user), other.new(user=user)
    finished(server, publish_to(server.instance, [user], "here"))
    assert (here.titles(), there.titles()) == (["here"], [])
    # The new instance's own deliveries begin without a restart.
    publish_to(other.instance, [user], "there")
    assert eventually(there.titles) == ["there"]
    assert here.titles() == ["here"]


def test_after_stop_nothing_arrives(server: Server, browsers: Browsers) -> None:
    user = new_name("alice")
    stopped, kept = browsers.new(user=user), browsers.new(user=user)
    stopped.stop()
    finished(server, publish_to(server.instance, [user], "after the stop"))
    assert (stopped.titles(), kept.titles()) == ([], ["after the stop"])


def test_a_device_that_changes_hands_gets_what_is_for_its_new_user_alone(
    server: Server, browsers: Browsers
) -> None:
    alice, bob = new_name("alice"), new_name("bob")
    browser = browsers.new(user=alice)
    browser.stop()
    devices = server.instance.devices
    again = devices.register_web(browser.subscription.as_json()).json()["id"]
    assert devices.put_user(again, server.instance.token(bob)).status == 200
    finished(server, publish_to(server.instance, [alice], "for Alice"))
    finished(server, publish_to(server.instance, [bob], "for Bob"))
    assert browser.titles() == ["for Bob"]


def test_a_user_deleted_while_a_publish_is_under_way_gets_no_more_of_it(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    """More devices than are in flight at once wait for a slow gateway; the user goes away."""
    users = [new_name("user") for _ in range(6)]
    theirs = [browsers.new(user=user) for user in users for _ in range(50)]
    # On a cold connection one request goes first, and the others wait for its answer.
    finished(server, publish_to(server.instance, users[:1], "in time"))
    push_service.hold()
    publish_id = publish_to(server.instance, users, "too late")
    eventually(lambda: push_service.held() == 100)
    with ThreadPoolExecutor(len(users)) as pool:
        replies = list(pool.map(server.instance.customer.delete_user, users))
    assert [reply.status for reply in replies] == [200] * len(users)
    arrived = len(push_service.requests())
    push_service.release()
    report = finished(server, publish_id)
    assert len(push_service.requests()) == arrived
    # What its gateway did not answer in time was called off, and is not asked for again.
    assert (report["untied"], report["delivered"]) == (len(theirs), 0)


def test_a_device_stopped_before_its_retry_is_not_tried_again(
    server: Server, browsers: Browsers, push_service: PushService
) -> None:
    user = new_name("alice")
    browser = browsers.new(user=user)
    push_service.answer_next(browser.subscription, Answer(status=503))
    publish_id = publish_to(server.instance, [user], "tried once")
    eventually(lambda: push_service.requests(browser.subscription))
    browser.stop()
    report = finished(server, publish_id)
    assert len(push_service.requests(browser.subscription)) == 1
    assert (report["untied"], report["delivered"]) == (1, 0)
