"""Hello world, the producer: sends one message to the queue `hello` and ends."""
from connect import connect, publish, say

connection, channel, words = connect()
greeting = words[0] if words else "Hello, world!"

# Whoever comes first makes the queue. Declaring it again changes nothing, so both programs do.
channel.queue_declare("hello")

# The exchange without a name takes a message to the queue that its routing key names.
publish(channel, "", "hello", greeting)

say(f"Sent: {greeting}")
connection.close()
