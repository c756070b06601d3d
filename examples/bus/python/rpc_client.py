"""RPC, the client: publishes questions, and consumes the answers from a queue of its own."""
import json
import uuid

from connect import connect, publish, say

connection, channel, words = connect()
# Several questions are on their way; the correlation id says which one an answer is for.
asked = {str(uuid.uuid4()): int(word) for word in words or ["30"]}


def answered(channel, method, properties, body):
    say(f"fib({asked.pop(properties.correlation_id)}) = {json.loads(body)}")
    channel.basic_ack(method.delivery_tag)


queue = channel.queue_declare("", exclusive=True).method.queue
channel.basic_consume(queue, answered)
# With confirms, a mandatory message without a server fails at once, rather than being waited for.
channel.confirm_delivery()
for correlation_id, n in list(asked.items()):
    publish(channel, "", "fibonacci", n, correlation_id=correlation_id, reply_to=queue, mandatory=True)
while asked:
    connection.process_data_events(time_limit=None)
connection.close()
