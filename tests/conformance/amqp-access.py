"""What Python's pika sees of rights that change under it. Usage: amqp-access.py PORT SCENARIO [ARGUMENT …]

What an administrator does meanwhile is asked for by the queue `now`; the answer comes by the queue `done`."""
import json
import ssl
import sys

import pika

port, scenario, *arguments = int(sys.argv[1]), *sys.argv[2:]


def connect(name, password, host):
    credentials = pika.PlainCredentials(name, password)
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port, host, credentials, heartbeat=30))


def ask(what):
    """Has an administrator do something, and waits until it is done."""
    channel = connect("guest", "guest", "/").channel()
    channel.basic_publish("", "now", json.dumps(what), pika.BasicProperties(content_type="application/json"))
    for method, _, _ in channel.consume("done", auto_ack=True, inactivity_timeout=30):
        assert method is not None, "nobody answered"
        break
    channel.connection.close()


def refused(act):
    try:
        act()
    except (pika.exceptions.ChannelClosedByBroker, pika.exceptions.ConnectionClosedByBroker) as error:
        return [error.reply_code, error.reply_text]
    except pika.exceptions.AMQPConnectionError as error:
        return [str(cause) for cause in error.args]
    return None


def end_of(connection):
    """How the broker closes it."""

    def wait():
        for _ in range(50):
            connection.process_data_events(0.2)

    return refused(wait)


def changes():
    seen = {}
    worker = connect("worker", "secret", "shop")
    channel = worker.channel()
    channel.queue_declare("q")
    channel.confirm_delivery()
    channel.basic_publish("", "q", b"allowed")
    ask("clear permissions")
    seen["at once"] = refused(lambda: channel.basic_publish("", "q", b"no more"))
    seen["cleared"] = refused(lambda: worker.channel().queue_delete("q"))
    seen["no new one"] = refused(lambda: connect("worker", "secret", "shop"))
    ask("set permissions")
    ask("delete host")
    seen["host deleted"] = end_of(worker)
    worker = connect("worker", "secret", "/")
    ask("delete user")
    seen["user deleted"] = end_of(worker)
    seen["unknown"] = refused(lambda: connect("worker", "secret", "/"))
    return seen


def external():
    """Over TLS, as whoever the certificate names."""
    ca, cert, key = arguments
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(cert, key)

    def come():
        options = pika.SSLOptions(context, "localhost")
        credentials = pika.credentials.ExternalCredentials()
        parameters = pika.ConnectionParameters("127.0.0.1", port, "/", credentials, ssl_options=options)
        channel = pika.BlockingConnection(parameters).channel()
        name = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("", name, b"x", pika.BasicProperties(user_id="worker"))
        return channel.basic_get(name, auto_ack=True)[2].decode()

    got = []
    return refused(lambda: got.append(come())) or got


print(json.dumps({"changes": changes, "external": external}[scenario]()))
