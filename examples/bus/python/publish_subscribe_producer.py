"""Publish and subscribe, the producer: tells the news to everybody who listens, be it nobody."""
from connect import connect, publish, say

connection, channel, words = connect()
news = words[0] if words else "A comet can be seen tonight."

# A fanout exchange copies each message into every queue that is bound to it.
channel.exchange_declare("news", "fanout")

# No queue is named here. The producer does not know who listens.
publish(channel, "news", "", news)

say(f"Told: {news}")
connection.close()
