"""oslo.messaging against Micronova's side of a broker. Usage: amqp-oslo.py URL SCENARIO [TOPIC]

Clients print one line of JSON. Servers print READY and go on until their input ends."""
import json
import logging
import os
import queue
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
import oslo_messaging
from oslo_config import cfg

url, scenario, topic = (*sys.argv[1:], "")[:3]
logging.disable(logging.CRITICAL)

# What a service's own configuration file says to share exchanges and queues with Micronova.
with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
    settings.write("[DEFAULT]\ncontrol_exchange = micronova\n[oslo_messaging_rabbit]\namqp_durable_queues = true\n")
    settings.flush()
    cfg.CONF(["--config-file", settings.name], project="conformance")
# The library registers the exchange's option when it is first asked for a transport.
oslo_messaging.set_transport_defaults("micronova")

target = oslo_messaging.Target(topic=topic, version="1.0")
context = {"request_id": "req-1", "user_id": "u1", "project_id": "p1", "roles": ["member"], "is_admin": False}


def client(**options):
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url=url)
    return oslo_messaging.get_rpc_client(transport, target, timeout=20, **options)


def raised(act):
    """The name of what is raised, and what a remote error says of its origin."""
    try:
        return act()
    except oslo_messaging.RemoteError as error:
        return [type(error).__name__, error.exc_type, error.value]
    except Exception as error:
        return [type(error).__name__]


def calls():
    on = client().prepare(server="h1")
    return {
        "sum": on.call(context, "add", a=2, b=3),
        "nothing": on.call(context, "nothing"),
        "context": on.call(context, "who"),
        "no context": on.call({}, "who"),
        "deep": on.call(context, "echo", x={"a": [1, None, {"ä": "€"}]}),
        "fault": raised(lambda: on.call(context, "refuse", host="h1")),
        "bug": raised(lambda: on.call(context, "fail")),
        "no method": raised(lambda: on.call(context, "fly")),
        "version": raised(lambda: on.prepare(version="2.0").call(context, "add", a=1, b=1)),
        "later minor version": raised(lambda: on.prepare(version="1.9").call(context, "add", a=1, b=1)),
        "namespace": raised(lambda: on.prepare(namespace="other").call(context, "add", a=1, b=1)),
        "no role": raised(lambda: on.prepare(server="nobody", timeout=1).call(context, "add", a=1, b=1)),
        "timeout": raised(lambda: on.prepare(timeout=1).call(context, "late")),
        "monitored": on.prepare(call_monitor_timeout=2).call(context, "slow"),
        "unmonitored": on.call(context, "slow"),
    }


def casts():
    on = client()
    on.prepare(server="h1").cast(context, "note", text="to one")
    on.prepare(fanout=True).cast(context, "note", text="to all")
    # Answered behind the cast, so that the process may end.
    return on.prepare(server="h1").call(context, "add", a=1, b=1)


class Conflict(Exception):
    pass


class Endpoint:
    target = oslo_messaging.Target(version="1.4")

    def __init__(self):
        self.noted = queue.Queue()

    def add(self, ctxt, a, b):
        return a + b

    def who(self, ctxt):
        return {name: ctxt.get(name) for name in context}

    def fail(self, ctxt, why):
        raise Conflict(why)

    def note(self, ctxt, text):
        self.noted.put(text)

    def noted_so_far(self, ctxt, count):
        return [self.noted.get(timeout=10) for _ in range(count)]

    def nothing(self, ctxt):
        return None


class Named:
    target = oslo_messaging.Target(namespace="named", version="2.1")

    def hello(self, ctxt, name):
        return f"hello {name}"


def serve(server):
    server.start()
    print("READY", flush=True)
    sys.stdin.read()
    server.stop()
    server.wait()


def server():
    transport = oslo_messaging.get_rpc_transport(cfg.CONF, url=url)
    where = oslo_messaging.Target(topic=topic, server="py1")
    serve(oslo_messaging.get_rpc_server(transport, where, [Endpoint(), Named()], executor="threading"))


class Listener:
    def tell(self, priority, ctxt, publisher_id, event_type, payload, metadata):
        request = {name: ctxt.get(name) for name in ("request_id", "user_id", "project_id")}
        told = [priority, request, publisher_id, event_type, payload, sorted(metadata)]
        print(json.dumps(told), flush=True)

    def info(self, *args):
        self.tell("info", *args)

    def error(self, *args):
        self.tell("error", *args)


def listener():
    transport = oslo_messaging.get_notification_transport(cfg.CONF, url=url)
    targets = [oslo_messaging.Target(topic="notifications")]
    serve(oslo_messaging.get_notification_listener(transport, targets, [Listener()], executor="threading"))


found = globals()[scenario]()
if found is not None:
    print(json.dumps(found), flush=True)
# The library's own threads would keep the process for ten seconds.
os._exit(0)
