"""Topics, the producer: says what the weather is like. Its routing key is continent.city.matter."""
from connect import connect, publish, say

connection, channel, words = connect()
topic = words[0] if words else "europe.oslo.rain"
text = words[1] if len(words) > 1 else "Take an umbrella."

# A topic exchange compares the words of the routing key with the patterns that queues are bound with.
channel.exchange_declare("weather", "topic")

publish(channel, "weather", topic, text)

say(f"Said: {topic}: {text}")
connection.close()
