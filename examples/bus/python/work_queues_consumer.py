"""Work queues, the consumer: does one task after another. Start several, and they share the work."""
import json

from connect import connect, consume, say

connection, channel, words = connect()


def work(channel, method, properties, body):
    task = json.loads(body)
    say(f"Began: {task}{' (somebody else did not finish it)' if method.redelivered else ''}")
    # Each dot of a task is half a second of hard work; the connection's heartbeats go on meanwhile.
    connection.sleep(task.count(".") * 0.5)
    # If this program dies before it says so, the broker gives the task to another.
    say(f"Done: {task}")
    channel.basic_ack(method.delivery_tag)


channel.queue_declare("tasks", durable=True)
# One unacknowledged task at a time: whoever is busy gets nothing, whoever is idle gets the next one.
channel.basic_qos(prefetch_count=1)
channel.basic_consume("tasks", work)
consume(connection, channel, "Waiting for tasks.")
