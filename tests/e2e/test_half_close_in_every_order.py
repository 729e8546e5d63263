"""Each direction ends by itself: the other goes on for as long as it has something to say."""

from support import apps
from support.client import RawTls
from support.waiting import wait_until


def test_the_app_may_answer_after_the_client_ended(run):
    answer = apps.pattern(3 << 20)
    with apps.App(apps.answer_after_end(answer)) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.send(b"question")
        client.close_notify()
        assert client.receive_exactly(len(answer)) == answer
        assert client.wait_for_end() == "close_notify"
        client.close()
        seen = app.connection().wait()
        assert (seen.head, seen.end) == (b"question", "fin")
        sidelock.wait_for_outcome("ok")


def test_the_client_may_go_on_after_the_app_ended(run):
    with apps.App(apps.source(b"all I have to say")) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        assert client.receive_exactly(17) == b"all I have to say"
        assert client.receive() == b""
        data = apps.pattern(3 << 20)
        client.send(data)
        client.close_notify()
        client.close()
        seen = app.connection().wait()
        assert (seen.count, seen.end) == (len(data), "fin")
        sidelock.wait_for_outcome("ok")


def test_the_client_that_ends_first_and_says_nothing_is_answered(run):
    with apps.App(apps.answer_after_end(b"silence noted")) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.close_notify()
        assert client.receive_exactly(13) == b"silence noted"
        assert client.wait_for_end() == "close_notify"
        client.close()
        assert app.connection().wait().end == "fin"


def test_both_may_end_at_once_without_a_byte(run):
    with apps.App(apps.source(b"")) as app, run(app.port) as sidelock:
        client = RawTls(sidelock.port)
        client.close_notify()
        assert client.wait_for_end() == "close_notify"
        client.close()
        assert app.connection().wait().end == "fin"
        line = sidelock.wait_for_outcome("ok")
        assert (line["received_bytes"], line["sent_bytes"]) == (0, 0)


def test_a_half_closed_connection_outlives_the_close_timeout_while_the_app_still_sends(run):
    # The close timeout counts from the app's end; here only the client has ended.
    def slow_answer(connection, seen):
        apps.receive_all(connection, seen)
        for _ in range(8):
            connection.sendall(b"tick")
            wait_until(lambda: len(client_got) >= 4, "the tick to arrive")
            client_got.clear()
        connection.shutdown(1)

    client_got = bytearray()
    with apps.App(slow_answer) as app, run(app.port, "--close-timeout", "200ms") as sidelock:
        client = RawTls(sidelock.port)
        client.close_notify()
        for _ in range(8):
            client_got += client.receive_exactly(4)
        assert client.wait_for_end() == "close_notify"
        client.close()
        sidelock.wait_for_outcome("ok")


def test_a_client_that_ends_without_close_notify_still_gets_its_answer(run):
    answer = apps.pattern(1 << 20)
    with apps.App(apps.answer_after_end(answer)) as app, run(app.port, "--on-truncation", "fin") as sidelock:
        client = RawTls(sidelock.port)
        client.send(b"question")
        client.end_bare()
        assert client.receive_exactly(len(answer)) == answer
        assert client.wait_for_end() == "close_notify"
        client.close()
        assert app.connection().wait().head == b"question"
        sidelock.wait_for_outcome("client_closed_bare")
