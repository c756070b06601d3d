"""Routing, the consumer: prints reports of the severities that the command line names, and no others."""
import json

from connect import connect, consume, say

connection, channel, words = connect()
severities = words or ["info", "warning", "error"]


def reported(channel, method, properties, body):
    say(f"{method.routing_key}: {json.loads(body)}")
    channel.basic_ack(method.delivery_tag)


channel.exchange_declare("reports", "direct")
queue = channel.queue_declare("", exclusive=True).method.queue
# One queue, bound once for each severity.
for severity in severities:
    channel.queue_bind(queue, "reports", severity)
channel.basic_consume(queue, reported)
consume(connection, channel, f"Waiting for reports of {', '.join(severities)}.")
