"""Publish and subscribe, the consumer: prints the news from now on. Start several, and each hears everything."""
import json

from connect import connect, consume, say

connection, channel, words = connect()


def heard(channel, method, properties, body):
    say(f"Heard: {json.loads(body)}")
    channel.basic_ack(method.delivery_tag)


channel.exchange_declare("news", "fanout")
# A queue of one's own: the broker chooses its name, and it goes when this program goes.
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, "news")
channel.basic_consume(queue, heard)
consume(connection, channel, f"Waiting for news in the queue {queue}.")
