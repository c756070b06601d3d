"""Work queues, the producer: puts a task into the queue `tasks` for each word of the command line."""
from connect import connect, publish, say

connection, channel, words = connect()
tasks = words or ["sweep.", "mop...", "dust..", "polish...."]

# A durable queue and persistent messages outlive a restart of the broker: work is not lost.
channel.queue_declare("tasks", durable=True)
# From now on publishing returns when the broker has the task on its disk.
channel.confirm_delivery()

for task in tasks:
    publish(channel, "", "tasks", task, delivery_mode=2)
    say(f"Sent: {task}")
connection.close()
