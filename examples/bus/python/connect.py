"""What every example begins with, in Python: a channel to the broker, and the words that are for the example."""
import json
import os
import sys

import pika

broker = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672")
as_json = {"content_type": "application/json"}


def connect():
    words = sys.argv[1:]
    url = words.pop(0) if words and words[0].startswith(("amqp:", "amqps:")) else broker
    connection = pika.BlockingConnection(pika.URLParameters(url))
    return connection, connection.channel(), words


def publish(channel, exchange, key, body, **properties):
    """Bodies are JSON, as those of the examples in TypeScript are, so that the two understand each other."""
    mandatory = properties.pop("mandatory", False)
    properties = pika.BasicProperties(**as_json, **properties)
    channel.basic_publish(exchange, key, json.dumps(body), properties, mandatory)


def say(text):
    print(text, flush=True)


def consume(connection, channel, said):
    """Hands out deliveries until Ctrl-C."""
    say(said)
    try:
        channel.start_consuming()
    except KeyboardInterrupt:
        connection.close()
