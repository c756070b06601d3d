"""What Python's pika sees of a broker: each scenario prints one line of JSON. Usage: amqp-pika.py PORT SCENARIO"""
import json
import sys
import time

import pika

port, scenario = int(sys.argv[1]), sys.argv[2]
parameters = pika.ConnectionParameters("127.0.0.1", port, heartbeat=2)
connection = pika.BlockingConnection(parameters)
channel = connection.channel()


def gather(queue, count, seconds=5.0, **options):
    """The next deliveries of a queue, acknowledged."""
    found = []
    for method, properties, body in channel.consume(queue, inactivity_timeout=seconds, **options):
        if method is None:
            break
        found.append((method, properties, body))
        channel.basic_ack(method.delivery_tag)
        if len(found) == count:
            break
    channel.cancel()
    return found


def refused(act):
    """How the broker refuses: code and text."""
    other = connection.channel()
    try:
        act(other)
    except (pika.exceptions.ChannelClosedByBroker, pika.exceptions.ConnectionClosedByBroker) as error:
        return [error.reply_code, error.reply_text]
    return None


def publish_get():
    name = channel.queue_declare("", exclusive=True).method.queue
    headers = {"a": 1, "b": {"c": [1, None, True, "x"]}, "big": 2**40}
    properties = pika.BasicProperties(headers=headers, content_type="text/plain", correlation_id="c", priority=3)
    channel.basic_publish("", name, b"hello", properties)
    method, got, body = channel.basic_get(name, auto_ack=True)
    channel.basic_publish("", name, b"x" * 300_000)
    large = channel.basic_get(name)
    channel.basic_nack(large[0].delivery_tag, requeue=True)
    again = channel.basic_get(name, auto_ack=True)
    return {
        "generated": name[:8],
        "body": body.decode(),
        "headers": got.headers == headers,
        "type": got.content_type,
        "large": len(large[2]),
        "redelivered": again[0].redelivered,
        "empty": channel.basic_get(name)[0] is None,
    }


def errors():
    channel.queue_declare("d", durable=True, arguments={"x-message-ttl": 1000})
    first = connection.channel()
    first.queue_declare("mine", exclusive=True)
    other = pika.BlockingConnection(parameters)
    try:
        other.channel().queue_declare("mine", passive=True)
        locked = None
    except pika.exceptions.ChannelClosedByBroker as error:
        locked = [error.reply_code, error.reply_text[:52]]
    other.close()
    return [
        refused(lambda ch: ch.queue_declare("nope", passive=True)),
        refused(lambda ch: ch.exchange_declare("nope", passive=True)),
        refused(lambda ch: ch.queue_declare("d", durable=False, arguments={"x-message-ttl": 1000})),
        refused(lambda ch: ch.queue_declare("d", durable=True, arguments={"x-message-ttl": 100})),
        refused(lambda ch: ch.queue_declare("d", durable=True)),
        refused(lambda ch: ch.queue_declare("e", arguments={"x-message-ttl": -1})),
        refused(lambda ch: ch.queue_declare("e", arguments={"x-message-ttl": "z"})),
        refused(lambda ch: ch.queue_declare("amq.foo")),
        refused(lambda ch: ch.exchange_declare("amq.direct", "fanout", durable=True)),
        refused(lambda ch: ch.basic_ack(77) or ch.queue_declare("f")),
        refused(lambda ch: ch.queue_bind("d", "nox")),
        refused(lambda ch: ch.exchange_delete("")),
        locked,
        refused(lambda ch: ch.exchange_declare("b", "weird")),
    ]


def arguments():
    """How arguments are refused, and which of them make no difference."""
    declare = lambda **arguments: refused(lambda ch: ch.queue_declare("f", exclusive=True, arguments=arguments))
    channel.queue_declare("same", exclusive=True, arguments={"x-queue-type": "classic"})
    channel.queue_declare("same", exclusive=True, arguments={"unknown": "x"})
    channel.exchange_declare("same", "direct", auto_delete=True)
    channel.exchange_declare("same", "direct", auto_delete=True, arguments={"unknown": "x"})
    consume = lambda priority: refused(
        lambda ch: ch.basic_consume("same", lambda *_: None, arguments={"x-priority": priority})
    )
    return [
        declare(**{"x-message-ttl": 10**12}),
        declare(**{"x-overflow": "burst"}),
        declare(**{"x-max-priority": 256}),
        declare(**{"x-dead-letter-exchange": 3}),
        declare(**{"x-queue-mode": "eager"}),
        declare(**{"x-queue-type": "heap"}),
        declare(**{"x-queue-type": "quorum"}),
        declare(**{"x-single-active-consumer": 3}),
        declare(**{"x-queue-version": 3}),
        declare(**{"x-delivery-limit": 3}),
        refused(lambda ch: ch.queue_declare("same", exclusive=False))[0],
        refused(lambda ch: ch.exchange_declare("same", "direct", auto_delete=True, arguments={"alternate-exchange": "x"})),
        refused(lambda ch: ch.queue_bind("same", "amq.headers", arguments={"x-match": 23})),
        refused(lambda ch: ch.queue_bind("same", "amq.headers", arguments={"x-match": "some"})),
        consume("high"),
        consume(None),
        consume(3),
    ]


def names():
    """What is not there is unbound and deleted without ado, and what the broker made stays."""
    channel.queue_unbind("nope", "amq.direct", "k")
    channel.exchange_unbind("nope", "amq.direct", "k")
    channel.queue_unbind(channel.queue_declare("", exclusive=True).method.queue, "nope", "k")
    channel.queue_delete("nope")
    channel.exchange_delete("nope")
    channel.exchange_declare("line\r\nends\n", "fanout")
    channel.exchange_declare("lineends", passive=True)
    channel.exchange_delete("line\nends")
    channel.queue_declare("full", exclusive=True)
    channel.basic_publish("", "full", b"x")
    return [
        refused(lambda ch: ch.exchange_declare("lineends", passive=True)),
        refused(lambda ch: ch.exchange_delete("amq.direct")),
        refused(lambda ch: ch.queue_bind("nope", "nox", "k")),
        refused(lambda ch: ch.exchange_bind("nope", "nox", "k")),
        refused(lambda ch: ch.queue_declare("", passive=True)),
        refused(lambda ch: ch.queue_delete("full", if_empty=True)),
    ]


def publishes():
    """How publishes are refused."""
    publish = lambda **properties: refused(
        lambda ch: ch.basic_publish("", "nowhere", b"", pika.BasicProperties(**properties)) or ch.tx_select()
    )
    return [
        publish(expiration="10foo"),
        publish(expiration="foo"),
        publish(expiration="-1"),
        publish(expiration="+1"),
        publish(headers={"CC": 0}),
        publish(headers={"BCC": "x"}),
        publish(user_id="somebody"),
    ]


def copies():
    """Every exchange on the way looks at all keys, and nobody sees the blind ones."""
    one, two, blind = (channel.queue_declare("", exclusive=True).method.queue for _ in range(3))
    channel.exchange_declare("from", "direct", auto_delete=True)
    channel.exchange_declare("to", "topic", auto_delete=True)
    channel.exchange_bind("to", "from", "key1")
    channel.queue_bind(two, "to", "key2")
    headers = {"CC": ["key1", one, 5], "BCC": ["key2", blind]}
    for exchange, key in (("from", ""), ("", one)):
        channel.basic_publish(exchange, key, b"x", pika.BasicProperties(headers=headers))
    got = [channel.basic_get(queue, auto_ack=True) for queue in (one, two, blind, one)]
    return [properties and sorted(properties.headers) for _, properties, _ in got]


def shares():
    """A channel's own limit is shared by its consumers, also with one that acknowledges nothing."""
    channel.basic_qos(prefetch_count=1, global_qos=True)
    counts = {}
    queues = [channel.queue_declare("", exclusive=True).method.queue for _ in range(3)]

    def count(queue):
        def handle(ch, method, properties, body):
            counts[queue] = counts.get(queue, 0) + 1
            if sum(counts.values()) < 30:
                ch.basic_ack(method.delivery_tag)

        return handle

    for queue in queues:
        channel.basic_consume(queue, count(queue))
        for _ in range(20):
            channel.basic_publish("", queue, b"x")
    connection.sleep(0.5)
    unacknowledging = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_consume(unacknowledging, count("none"), auto_ack=True)
    channel.basic_publish("", unacknowledging, b"x")
    connection.sleep(0.3)
    return [sum(counts.values()), all(0 < counts[queue] < 20 for queue in queues), "none" in counts]


def confirms():
    channel.confirm_delivery()
    name = channel.queue_declare("", exclusive=True, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    name = name.method.queue
    outcomes = []
    for _ in range(3):
        try:
            channel.basic_publish("", name, b"x", mandatory=True)
            outcomes.append("ack")
        except pika.exceptions.NackError:
            outcomes.append("nack")
    try:
        channel.basic_publish("", "nowhere", b"x", mandatory=True)
    except pika.exceptions.UnroutableError as error:
        outcomes.append(error.messages[0].method.reply_text)
    return outcomes


def transactions():
    channel.tx_select()
    name = channel.queue_declare("", exclusive=True).method.queue
    count = lambda: channel.queue_declare(name, passive=True).method.message_count
    channel.basic_publish("", name, b"1")
    counts = [count()]
    channel.tx_rollback()
    channel.basic_publish("", name, b"2")
    channel.tx_commit()
    counts.append(count())
    tag = channel.basic_get(name)[0].delivery_tag
    channel.basic_ack(tag)
    # Acknowledged and not committed it is nobody's to give back or to acknowledge again; rolled back it is.
    channel.basic_recover(requeue=True)
    counts.append(count())
    channel.tx_rollback()
    channel.basic_recover(requeue=True)
    counts.append(count())
    tag = channel.basic_get(name)[0].delivery_tag
    channel.basic_ack(tag)
    channel.basic_ack(tag)
    try:
        channel.tx_commit()
    except pika.exceptions.ChannelClosedByBroker as error:
        counts.append(error.reply_text)
    return counts


def dead_letters():
    channel.queue_declare("letters", exclusive=True)
    arguments = {"x-message-ttl": 50, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "letters"}
    channel.queue_declare("short", exclusive=True, arguments=arguments)
    channel.basic_publish("", "short", b"late", pika.BasicProperties(headers={"k": 1}))
    method, properties, body = gather("letters", 1)[0]
    death = properties.headers["x-death"][0]
    headers = {"CC": ["other"], "BCC": ["letters"]}
    channel.basic_publish("", "short", b"copied", pika.BasicProperties(headers=headers))
    copied = gather("letters", 2)[1][1].headers
    return [
        copied["x-death"][0]["routing-keys"],
        "CC" in copied,
        body.decode(),
        properties.headers["k"],
        properties.headers["x-first-death-reason"],
        death["reason"],
        death["queue"],
        death["count"],
        death["routing-keys"],
    ]


def priorities():
    name = channel.queue_declare("", exclusive=True, arguments={"x-max-priority": 5}).method.queue
    for priority in [1, 5, 3, 9]:
        channel.basic_publish("", name, str(priority).encode(), pika.BasicProperties(priority=priority))
    return [body.decode() for _, _, body in gather(name, 4)]


def prefetch():
    name = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_qos(prefetch_count=2)
    held = []
    channel.basic_consume(name, lambda ch, method, properties, body: held.append(method.delivery_tag))
    for number in range(5):
        channel.basic_publish("", name, str(number).encode())
    connection.process_data_events(0.3)
    connection.sleep(0.2)
    before = len(held)
    channel.basic_ack(held[-1], multiple=True)
    connection.sleep(0.2)
    return [before, len(held)]


def exchanges():
    channel.exchange_declare("t", "topic", auto_delete=True)
    channel.exchange_declare("f", "fanout", auto_delete=True)
    channel.exchange_declare("rest", "fanout")
    channel.exchange_declare("main", "direct", arguments={"alternate-exchange": "rest"})
    channel.exchange_bind("f", "t", "a.*.#")
    one = channel.queue_declare("", exclusive=True).method.queue
    two = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(one, "f")
    channel.queue_bind(two, "rest")
    channel.basic_publish("t", "a.b.c", b"through")
    channel.basic_publish("t", "b", b"lost")
    channel.basic_publish("main", "unbound", b"alternate")
    return [[body.decode() for _, _, body in gather(queue, 1)] for queue in (one, two)]


def headers_exchange():
    name = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(name, "amq.headers", arguments={"x-match": "all", "a": 1, "b": "x"})
    channel.basic_publish("amq.headers", "", b"no", pika.BasicProperties(headers={"a": 1}))
    channel.basic_publish("amq.headers", "", b"yes", pika.BasicProperties(headers={"a": 1, "b": "x", "c": 2}))
    return [body.decode() for _, _, body in gather(name, 2, seconds=0.3)]


def cancelled():
    other = pika.BlockingConnection(parameters)
    side = other.channel()
    side.queue_declare("going")
    told = []
    channel.add_on_cancel_callback(lambda frame: told.append(frame.method.consumer_tag))
    channel.basic_consume("going", lambda *_: None, consumer_tag="me")
    side.queue_delete("going")
    connection.sleep(0.3)
    other.close()
    return told


def direct_reply():
    answers = []
    channel.basic_consume("amq.rabbitmq.reply-to", lambda c, m, p, b: answers.append(b.decode()), auto_ack=True)
    name = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", name, b"ask", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
    method, properties, body = channel.basic_get(name, auto_ack=True)
    channel.basic_publish("", properties.reply_to, b"answer")
    connection.sleep(0.3)
    return [properties.reply_to.startswith("amq.rabbitmq.reply-to."), answers]


def single_active():
    name = channel.queue_declare("", exclusive=True, arguments={"x-single-active-consumer": True}).method.queue
    got = {"a": 0, "b": 0}

    def count(tag):
        def handle(ch, method, properties, body):
            got[tag] += 1

        return handle

    channel.basic_consume(name, count("a"), auto_ack=True, consumer_tag="a")
    channel.basic_consume(name, count("b"), auto_ack=True, consumer_tag="b")
    for _ in range(4):
        channel.basic_publish("", name, b"x")
    connection.sleep(0.2)
    before = dict(got)
    channel.basic_cancel("a")
    channel.basic_publish("", name, b"x")
    connection.sleep(0.2)
    return [before, got]


def idle():
    """Heartbeats of both sides keep a connection with nothing to say."""
    connection.sleep(6)
    name = channel.queue_declare("", exclusive=True).method.queue
    return name[:8]


def refused_logins():
    texts = []
    for options in (
        {"credentials": pika.PlainCredentials("guest", "wrong")},
        {"virtual_host": "nowhere"},
    ):
        try:
            pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port, **options))
        except pika.exceptions.AMQPConnectionError as error:
            texts.append(str(error))
    silent = pika.ConnectionParameters(
        "127.0.0.1",
        port,
        credentials=pika.PlainCredentials("guest", "wrong"),
        client_properties={"capabilities": {"authentication_failure_close": False}},
    )
    try:
        pika.BlockingConnection(silent)
    except pika.exceptions.AMQPConnectionError as error:
        texts.append(type(error).__name__)
    return texts


print(json.dumps(globals()[scenario]()))
if connection.is_open:
    connection.close()
