"""The same calls with oslo.messaging, in a process each: oslo-rpc.py server URL answers until its input ends;
oslo-rpc.py client URL SECONDS OUTSTANDING prints how fast calls were answered, as a line of JSON. The executor is
eventlet, as in Nova's daemons."""
import eventlet

eventlet.monkey_patch()
import json
import logging
import os
import sys
import threading
import time
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from eventlet import tpool
import oslo_messaging
from oslo_config import cfg

oslo_messaging.set_transport_defaults("bench")
cfg.CONF([], project="bench")
role, url = sys.argv[1:3]
transport = oslo_messaging.get_rpc_transport(cfg.CONF, url=url.replace("amqp:", "rabbit:", 1) + "/")


class Echo:
    target = oslo_messaging.Target(version="1.0")

    def echo(self, context, x):
        return x


def serve():
    target = oslo_messaging.Target(topic="bench", server="h1", version="1.0")
    server = oslo_messaging.get_rpc_server(transport, target, [Echo()], executor="eventlet")
    server.start()
    print("ready", flush=True)
    # In a thread of the system: the others are eventlet's, which a blocking read would stop.
    tpool.execute(sys.stdin.read)
    os._exit(0)


def call(seconds, outstanding):
    target = oslo_messaging.Target(topic="bench", version="1.0")
    client = oslo_messaging.get_rpc_client(transport, target, timeout=60).prepare(server="h1")
    text = {"data": "x" * 200}
    for _ in range(20):
        client.call({}, "echo", x=text)
    times = []
    began = time.time()

    def lane():
        while time.time() < began + seconds:
            started = time.perf_counter()
            client.call({}, "echo", x=text)
            times.append(time.perf_counter() - started)

    lanes = [threading.Thread(target=lane) for _ in range(outstanding)]
    for one in lanes:
        one.start()
    for one in lanes:
        one.join()
    took = time.time() - began
    p50 = sorted(times)[len(times) // 2] * 1000
    print(json.dumps({"p50Ms": p50, "perSecond": len(times) / took}))


if role == "server":
    serve()
else:
    call(float(sys.argv[3]), int(sys.argv[4]))
