"""RPC, the server: consumes questions, and publishes the answer to where each question wants it."""
import json

from connect import connect, consume, publish, say

connection, channel, words = connect()
# Beyond the 78th, Fibonacci numbers do not fit a number of JavaScript, which clients may be written in.
largest = 78


def fibonacci(n):
    one, after = 0, 1
    for _ in range(n):
        one, after = after, one + after
    return one


def answer(channel, method, properties, body):
    n = json.loads(body)
    is_fine = type(n) is int and 0 <= n <= largest
    result = fibonacci(n) if is_fine else f"not a whole number from 0 to {largest}"
    publish(channel, "", properties.reply_to or "", result, correlation_id=properties.correlation_id)
    say(f"Answered: fib({n}) = {result}")
    channel.basic_ack(method.delivery_tag)


# The queue goes with its last server, so that clients notice when there is none.
channel.queue_declare("fibonacci", auto_delete=True)
channel.basic_qos(prefetch_count=1)
channel.basic_consume("fibonacci", answer)
consume(connection, channel, "Waiting for questions.")
