"""Topics, the consumer: prints the weather that fits one of the patterns on the command line."""
import json

from connect import connect, consume, say

connection, channel, words = connect()
# A star stands for one word, a hash for any number of words.
patterns = words or ["#"]


def said(channel, method, properties, body):
    say(f"{method.routing_key}: {json.loads(body)}")
    channel.basic_ack(method.delivery_tag)


channel.exchange_declare("weather", "topic")
queue = channel.queue_declare("", exclusive=True).method.queue
# A message that fits several patterns of one queue still comes to it once.
for pattern in patterns:
    channel.queue_bind(queue, "weather", pattern)
channel.basic_consume(queue, said)
consume(connection, channel, f"Waiting for weather of {', '.join(patterns)}.")
