"""Hello world, the consumer: prints what comes to the queue `hello`, until Ctrl-C."""
import json

from connect import connect, consume, say

connection, channel, words = connect()


def received(channel, method, properties, body):
    say(f"Received: {json.loads(body)}")
    # Only now may the broker forget it.
    channel.basic_ack(method.delivery_tag)


# The queue is declared here too: consumers may well be started before producers.
channel.queue_declare("hello")
channel.basic_consume("hello", received)
consume(connection, channel, "Waiting for messages.")
