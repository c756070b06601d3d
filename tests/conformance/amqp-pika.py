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
    return counts


def dead_letters():
    channel.queue_declare("letters", exclusive=True)
    arguments = {"x-message-ttl": 50, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "letters"}
    channel.queue_declare("short", exclusive=True, arguments=arguments)
    channel.basic_publish("", "short", b"late", pika.BasicProperties(headers={"k": 1}))
    method, properties, body = gather("letters", 1)[0]
    death = properties.headers["x-death"][0]
    return [
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
    return texts


print(json.dumps(globals()[scenario]()))
if connection.is_open:
    connection.close()
