"""Routing, the producer: reports something, with how bad it is as the routing key."""
from connect import connect, publish, say

connection, channel, words = connect()
severity = words[0] if words else "info"
text = words[1] if len(words) > 1 else "All is well."

# A direct exchange takes a message to the queues that are bound with exactly its routing key.
channel.exchange_declare("reports", "direct")

publish(channel, "reports", severity, text)

say(f"Reported: {severity}: {text}")
connection.close()
