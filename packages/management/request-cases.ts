// Requests that change things, in the order in which they are made, with what RabbitMQ 3.10 answers to each.
// The tests of this package put them to the API, the conformance tests to RabbitMQ as well.

export interface RequestCase {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  readonly status: number;
  /** What of the answer is looked at: a subset of its fields, or of the fields of a list's items. */
  readonly answer?: unknown;
  readonly location?: string;
}

const missing = { error: "Object Not Found", reason: "Not Found" };
const bad = (reason: string) => ({ error: "bad_request", reason });
const refused = { error: "not_authorised", reason: "Access refused." };
const everything = { configure: ".*", write: ".*", read: ".*" };

const hosts: readonly RequestCase[] = [
  { method: "PUT", path: "/vhosts/v1", body: { description: "one", tags: "a,b" }, status: 201 },
  { method: "PUT", path: "/vhosts/v1", body: {}, status: 204 },
  { method: "GET", path: "/vhosts/v1", status: 200, answer: { name: "v1", tracing: false } },
  { method: "PUT", path: "/vhosts/v2", status: 201 },
  { method: "DELETE", path: "/vhosts/v2", status: 204 },
  { method: "DELETE", path: "/vhosts/v2", status: 404, answer: missing },
  {
    method: "GET",
    path: "/vhosts/v1/permissions",
    status: 200,
    answer: [{ user: "guest", vhost: "v1", ...everything }],
  },
];

const users: readonly RequestCase[] = [
  { method: "PUT", path: "/users/u1", body: { tags: "management" }, status: 201 },
  { method: "PUT", path: "/users/u1", body: { password: "p" }, status: 400, answer: bad("tags_not_present") },
  { method: "PUT", path: "/users/u1", body: { password: "p", tags: "management, monitoring" }, status: 204 },
  {
    method: "GET",
    path: "/users/u1",
    status: 200,
    answer: {
      name: "u1",
      tags: ["management", "monitoring"],
      hashing_algorithm: "rabbit_password_hashing_sha256",
      limits: {},
    },
  },
  { method: "PUT", path: "/users/u2", body: { password_hash: "", tags: [] }, status: 201 },
  { method: "GET", path: "/users/u2", status: 200, answer: { password_hash: "", tags: [] } },
  { method: "POST", path: "/users/bulk-delete", body: { users: ["u2"] }, status: 204 },
  { method: "GET", path: "/users/u2", status: 404, answer: missing },
  { method: "DELETE", path: "/users/u2", status: 404, answer: missing },
  {
    method: "PUT",
    path: "/permissions/v1/u1",
    body: { configure: ".*", write: ".*" },
    status: 400,
    answer: bad("[{key_missing,read}]"),
  },
  { method: "PUT", path: "/permissions/v1/u1", body: { ...everything, write: "^w" }, status: 201 },
  { method: "PUT", path: "/permissions/v1/u1", body: { ...everything, write: "^w" }, status: 204 },
  {
    method: "GET",
    path: "/permissions/v1/u1",
    status: 200,
    answer: { user: "u1", vhost: "v1", configure: ".*", write: "^w", read: ".*" },
  },
  {
    method: "PUT",
    path: "/permissions/v1/nobody",
    body: everything,
    status: 400,
    answer: bad("vhost_or_user_not_found"),
  },
  { method: "DELETE", path: "/permissions/v1/u1", status: 204 },
  { method: "DELETE", path: "/permissions/v1/u1", status: 404, answer: missing },
  { method: "GET", path: "/users/u1/permissions", status: 200, answer: [] },
  { method: "DELETE", path: "/users/u1", status: 204 },
];

const exchanges: readonly RequestCase[] = [
  { method: "PUT", path: "/exchanges/v1/e1", body: {}, status: 201 },
  { method: "PUT", path: "/exchanges/v1/e1", body: { type: "direct" }, status: 204 },
  {
    method: "PUT",
    path: "/exchanges/v1/e1",
    body: { type: "topic" },
    status: 400,
    answer: bad(
      "inequivalent arg 'type' for exchange 'e1' in vhost 'v1': received 'topic' but current is 'direct'",
    ),
  },
  {
    method: "PUT",
    path: "/exchanges/v1/e2",
    body: { type: "weird" },
    status: 400,
    answer: bad("unknown exchange type 'weird'"),
  },
  { method: "PUT", path: "/exchanges/v1/amq.foo", body: { type: "direct" }, status: 401, answer: refused },
  { method: "PUT", path: "/exchanges/v1/e3", body: { type: "fanout", durable: "true" }, status: 201 },
  { method: "PUT", path: "/exchanges/v1/e3", body: { type: "fanout", durable: "x" }, status: 400 },
  {
    method: "GET",
    path: "/exchanges/v1/e3",
    status: 200,
    answer: {
      name: "e3",
      vhost: "v1",
      type: "fanout",
      durable: true,
      auto_delete: false,
      internal: false,
      arguments: {},
    },
  },
  {
    method: "PUT",
    path: "/exchanges/v1/e4",
    body: { type: "headers", auto_delete: true, internal: true, arguments: { "alternate-exchange": "e1" } },
    status: 201,
  },
  { method: "DELETE", path: "/exchanges/v1/e4", status: 204 },
  { method: "DELETE", path: "/exchanges/v1/e4", status: 404, answer: missing },
  { method: "DELETE", path: "/exchanges/v1/amq.topic", status: 401, answer: refused },
];

const queues: readonly RequestCase[] = [
  { method: "PUT", path: "/queues/v1/q1", body: {}, status: 201 },
  { method: "PUT", path: "/queues/v1/q1", body: { durable: false }, status: 204 },
  {
    method: "PUT",
    path: "/queues/v1/q1",
    body: { durable: true },
    status: 400,
    answer: bad(
      "inequivalent arg 'durable' for queue 'q1' in vhost 'v1': received 'true' but current is 'false'",
    ),
  },
  {
    method: "PUT",
    path: "/queues/v1/q2",
    body: { arguments: { "x-message-ttl": -1 } },
    status: 400,
    answer: bad("invalid arg 'x-message-ttl' for queue 'q2' in vhost 'v1': {value_negative,-1}"),
  },
  {
    method: "PUT",
    path: "/queues/v1/q2",
    body: { durable: true, arguments: { "x-max-length": 5000000000, f: 1.5, b: true, t: { a: [1, "x"] } } },
    status: 201,
  },
  {
    method: "GET",
    path: "/queues/v1/q2?columns=durable,auto_delete,exclusive,arguments",
    status: 200,
    answer: {
      durable: true,
      auto_delete: false,
      exclusive: false,
      arguments: { "x-max-length": 5000000000, f: 1.5, b: true, t: { a: [1, "x"] } },
    },
  },
  { method: "PUT", path: "/queues/v1/amq.q", body: {}, status: 401, answer: refused },
  { method: "PUT", path: "/queues/v1/%20sp%2Fa", body: {}, status: 201 },
  { method: "GET", path: "/queues/v1/%20sp%2Fa?columns=name", status: 200, answer: { name: " sp/a" } },
  { method: "DELETE", path: "/queues/v1/%20sp%2Fa", status: 204 },
  { method: "DELETE", path: "/queues/v1/%20sp%2Fa", status: 404, answer: missing },
  { method: "PUT", path: `/queues/v1/${"x".repeat(300)}`, body: {}, status: 400 },
  { method: "PUT", path: "/queues/nope/q1", body: {}, status: 404 },
];

const bindings: readonly RequestCase[] = [
  { method: "POST", path: "/bindings/v1/e/e1/q/q1", body: {}, status: 201, location: "q1/~" },
  {
    method: "POST",
    path: "/bindings/v1/e/e1/q/q1",
    body: { routing_key: "a b/c", arguments: {} },
    status: 201,
    location: "q1/a%2Bb%252Fc",
  },
  {
    method: "POST",
    path: "/bindings/v1/e/e1/q/q1",
    body: { routing_key: "k", arguments: { x: 1 } },
    status: 201,
  },
  {
    method: "GET",
    path: "/bindings/v1/e/e1/q/q1?columns=routing_key,arguments&sort=routing_key",
    status: 200,
    answer: [
      { routing_key: "", arguments: {} },
      { routing_key: "a b/c", arguments: {} },
      { routing_key: "k", arguments: { x: 1 } },
    ],
  },
  {
    method: "POST",
    path: "/bindings/v1/e/e1/q/nope",
    body: {},
    status: 404,
    answer: { error: "not_found", reason: "no queue 'nope' in vhost 'v1'" },
  },
  {
    method: "POST",
    path: "/bindings/v1/e/nope/q/q1",
    body: {},
    status: 404,
    answer: { error: "not_found", reason: "no exchange 'nope' in vhost 'v1'" },
  },
  { method: "POST", path: "/bindings/v1/e//q/q1", body: {}, status: 401, answer: refused },
  {
    method: "POST",
    path: "/bindings/v1/e/e1/e/e3",
    body: { routing_key: "k" },
    status: 201,
    location: "e3/k",
  },
  {
    method: "GET",
    path: "/bindings/v1/e/e1/e/e3/k",
    status: 200,
    answer: {
      source: "e1",
      destination: "e3",
      destination_type: "exchange",
      routing_key: "k",
      properties_key: "k",
    },
  },
  { method: "DELETE", path: "/bindings/v1/e/e1/e/e3/k", status: 204 },
  { method: "DELETE", path: "/bindings/v1/e/e1/q/q1/nope", status: 404, answer: missing },
  { method: "DELETE", path: "/bindings/v1/e/e1/q/q1/~", status: 204 },
  { method: "DELETE", path: "/bindings/v1/e/e1/q/q1/a%2Bb%252Fc", status: 204 },
  {
    method: "GET",
    path: "/bindings/v1/e/e1/q/q1?columns=routing_key",
    status: 200,
    answer: [{ routing_key: "k" }],
  },
];

const hello = { properties: {}, routing_key: "q1", payload: "hello", payload_encoding: "string" };
const properties = {
  headers: { a: 1, b: "x", n: [1, 2] },
  delivery_mode: 2,
  content_type: "text/plain",
  priority: 3,
  timestamp: 12345,
  message_id: "m",
  correlation_id: "c",
  reply_to: "r",
  expiration: "100000",
  type: "t",
  app_id: "app",
  cluster_id: "cl",
};
const publish = "/exchanges/v1/amq.default/publish";
const get = "/queues/v1/q1/get";
const one = { count: 1, ackmode: "ack_requeue_true", encoding: "auto" };

const messages: readonly RequestCase[] = [
  { method: "POST", path: publish, body: hello, status: 200, answer: { routed: true } },
  {
    method: "POST",
    path: publish,
    body: { ...hello, properties, payload: "aGk=", payload_encoding: "base64" },
    status: 200,
    answer: { routed: true },
  },
  {
    method: "POST",
    path: publish,
    body: { ...hello, routing_key: "nope" },
    status: 200,
    answer: { routed: false },
  },
  {
    method: "POST",
    path: "/exchanges/v1/nope/publish",
    body: hello,
    status: 400,
    answer: bad("404 NOT_FOUND - no exchange 'nope' in vhost 'v1'"),
  },
  {
    method: "POST",
    path: "/exchanges/v1/amq.rabbitmq.trace/publish",
    body: hello,
    status: 400,
    answer: bad(
      "403 ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost 'v1'",
    ),
  },
  {
    method: "POST",
    path: publish,
    body: { ...hello, properties: { user_id: "x" } },
    status: 400,
    answer: bad("406 PRECONDITION_FAILED - user_id property set to 'x' but authenticated user was 'guest'"),
  },
  {
    method: "POST",
    path: publish,
    body: { routing_key: "q1", payload: "x", properties: {} },
    status: 400,
    answer: bad("[{key_missing,payload_encoding}]"),
  },
  { method: "POST", path: publish, body: { ...hello, payload_encoding: "weird" }, status: 400 },
  { method: "POST", path: publish, body: { ...hello, properties: { delivery_mode: "2" } }, status: 400 },
  {
    method: "POST",
    path: publish,
    body: { ...hello, payload: "no base64!", payload_encoding: "base64" },
    status: 400,
  },
  {
    method: "POST",
    path: get,
    body: one,
    status: 200,
    answer: [
      {
        payload: "hello",
        payload_bytes: 5,
        payload_encoding: "string",
        properties: [],
        exchange: "",
        routing_key: "q1",
        redelivered: false,
        message_count: 1,
      },
    ],
  },
  {
    method: "POST",
    path: get,
    body: { count: "5", ackmode: "reject_requeue_true", encoding: "base64", truncate: 1 },
    status: 200,
    answer: [
      { payload: "aA==", payload_bytes: 5, payload_encoding: "base64", redelivered: true, message_count: 1 },
      { payload: "aA==", payload_bytes: 2, redelivered: false, message_count: 0, properties },
    ],
  },
  {
    method: "POST",
    path: get,
    body: { ...one, ackmode: "ack_requeue_false" },
    status: 200,
    answer: [{ payload: "hello" }],
  },
  {
    method: "POST",
    path: get,
    body: { ...one, ackmode: "reject_requeue_false" },
    status: 200,
    answer: [{ payload: "hi" }],
  },
  { method: "POST", path: get, body: one, status: 200, answer: [] },
  { method: "POST", path: get, body: { ...one, encoding: "x" }, status: 400 },
  { method: "POST", path: get, body: { ...one, count: "x" }, status: 400 },
  {
    method: "POST",
    path: get,
    body: { count: 1, encoding: "auto" },
    status: 400,
    answer: bad("[{key_missing,ackmode}]"),
  },
  {
    method: "POST",
    path: "/queues/v1/nope/get",
    body: one,
    status: 404,
    answer: { error: "not_found", reason: "NOT_FOUND - no queue 'nope' in vhost 'v1'" },
  },
  { method: "POST", path: publish, body: hello, status: 200, answer: { routed: true } },
  { method: "DELETE", path: "/queues/v1/q1?if-empty=true", status: 400 },
  { method: "DELETE", path: "/queues/v1/q1/contents", status: 204 },
  { method: "DELETE", path: "/queues/v1/nope/contents", status: 404, answer: missing },
  { method: "GET", path: "/aliveness-test/v1", status: 200, answer: { status: "ok" } },
  {
    method: "PUT",
    path: "/queues/v1/full",
    body: { arguments: { "x-max-length": 1, "x-overflow": "reject-publish" } },
    status: 201,
  },
  {
    method: "POST",
    path: publish,
    body: { ...hello, routing_key: "full" },
    status: 200,
    answer: { routed: true },
  },
  {
    method: "POST",
    path: publish,
    body: { ...hello, routing_key: "full" },
    status: 400,
    answer: bad("rejected Unable to publish message. Check queue limits."),
  },
  { method: "DELETE", path: "/queues/v1/q1?if-unused=true&if-empty=true", status: 204 },
];

const imported = {
  users: [
    {
      name: "imp",
      password_hash: "88MeHrJ1LW2BOg+LELm+B/WVujUbOpC/SQDX1TwrTeJDNdmt",
      hashing_algorithm: "rabbit_password_hashing_sha256",
      tags: ["management"],
      limits: {},
    },
  ],
  vhosts: [{ name: "iv" }],
  permissions: [{ user: "imp", vhost: "iv", ...everything }],
  topic_permissions: [],
  parameters: [],
  global_parameters: [{ name: "internal_cluster_id", value: "rabbitmq-cluster-id-x" }],
  policies: [],
  queues: [{ name: "iq", vhost: "iv", durable: true, auto_delete: false, arguments: { "x-max-length": 5 } }],
  exchanges: [
    {
      name: "ie",
      vhost: "iv",
      type: "topic",
      durable: true,
      auto_delete: false,
      internal: false,
      arguments: {},
    },
  ],
  bindings: [
    {
      source: "ie",
      vhost: "iv",
      destination: "iq",
      destination_type: "queue",
      routing_key: "a",
      arguments: {},
    },
  ],
};

const definitions: readonly RequestCase[] = [
  { method: "POST", path: "/definitions", body: imported, status: 204 },
  { method: "POST", path: "/definitions", body: imported, status: 204 },
  { method: "GET", path: "/users/imp", status: 200, answer: imported.users[0] },
  {
    method: "GET",
    path: "/definitions/iv",
    status: 200,
    answer: {
      queues: [{ name: "iq", durable: true, auto_delete: false, arguments: { "x-max-length": 5 } }],
      exchanges: [
        { name: "ie", type: "topic", durable: true, auto_delete: false, internal: false, arguments: {} },
      ],
      bindings: [
        { source: "ie", destination: "iq", destination_type: "queue", routing_key: "a", arguments: {} },
      ],
      policies: [],
    },
  },
  {
    method: "POST",
    path: "/definitions/iv",
    body: { queues: [{ ...imported.queues[0], durable: false }] },
    status: 204,
  },
  { method: "GET", path: "/queues/iv/iq?columns=durable", status: 200, answer: { durable: true } },
  {
    method: "POST",
    path: "/definitions",
    body: { bindings: [{ ...imported.bindings[0], source: "nowhere" }] },
    status: 204,
  },
  {
    method: "POST",
    path: "/definitions",
    body: { queues: [{ ...imported.queues[0], vhost: "unknown" }] },
    status: 400,
  },
  { method: "POST", path: "/definitions", body: { queues: [{ vhost: "iv" }] }, status: 400 },
  { method: "POST", path: "/definitions", body: {}, status: 204 },
  { method: "POST", path: "/definitions/nope", body: {}, status: 404 },
  { method: "DELETE", path: "/vhosts/iv", status: 204 },
  { method: "DELETE", path: "/users/imp", status: 204 },
  { method: "DELETE", path: "/vhosts/v1", status: 204 },
];

export const requestCases: readonly RequestCase[] = [
  ...hosts,
  ...users,
  ...exchanges,
  ...queues,
  ...bindings,
  ...messages,
  ...definitions,
];
