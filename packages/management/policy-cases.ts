// Requests about policies, with what RabbitMQ 3.10 answers to each; put to both, as those of `request-cases.ts`.
import type { RequestCase } from "./request-cases.ts";

const missing = { error: "Object Not Found", reason: "Not Found" };
const bad = (reason: string) => ({ error: "bad_request", reason });
const invalid = (why: string) => bad(`Validation failed\n\n${why}\n`);
const definition = { "max-length": 3, "dead-letter-exchange": "" };

/** A definition, and why it is refused. */
const refusals: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
  [{}, "no policy provided"],
  [{ nonsense: 1 }, '[{&lt;&lt;"nonsense"&gt;&gt;,1}] are not recognised policy settings'],
  [{ nonsense: 1, "max-length": -1 }, "-1 is not a valid maximum length"],
  [{ "max-length": "a" }, '&lt;&lt;"a"&gt;&gt; is not a valid maximum length'],
  [{ "max-length-bytes": 1.5 }, "1.5 is not a valid maximum length in bytes"],
  [{ "message-ttl": -1 }, "-1 is not a valid message TTL"],
  [{ expires: 0 }, "0 is not a valid queue expiry"],
  [{ overflow: "x" }, '&lt;&lt;"x"&gt;&gt; is not a valid overflow value'],
  [{ "dead-letter-exchange": 1 }, "1 is not a valid dead letter exchange name"],
  [{ "dead-letter-routing-key": 1 }, "1 is not a valid dead letter routing key"],
  [{ "alternate-exchange": 1 }, "1 is not a valid alternate exchange name"],
  [{ "delivery-limit": -1 }, "-1 is not a valid delivery limit"],
  [{ "queue-mode": "x" }, '&lt;&lt;"x"&gt;&gt; is not a valid queue-mode value'],
  [{ "dead-letter-strategy": "x" }, '&lt;&lt;"x"&gt;&gt; is not a valid dead letter strategy'],
  [{ "max-priority": 3 }, '[{&lt;&lt;"max-priority"&gt;&gt;,3}] are not recognised policy settings'],
];
const others: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
  [{ pattern: 5 }, "pattern should be a binary but was 5"],
  [{ "apply-to": "x" }, "apply-to 'x' unrecognised; should be 'queues', 'exchanges' or 'all'"],
  [{ priority: "5" }, 'priority should be a number, actually was &lt;&lt;"5"&gt;&gt;'],
];

const path = "/policies/pv/p";
const shown = { vhost: "pv", name: "p", pattern: "^q", "apply-to": "all", definition, priority: 0 };
const imported = { name: "i", pattern: "x", definition, priority: 1, "apply-to": "queues" };

export const policyCases: readonly RequestCase[] = [
  { method: "PUT", path: "/vhosts/pv", status: 201 },
  { method: "PUT", path, body: { pattern: "^q", definition }, status: 201 },
  { method: "PUT", path, body: { pattern: "^q", definition }, status: 204 },
  { method: "GET", path, status: 200, answer: shown },
  { method: "GET", path: "/policies/pv", status: 200, answer: [shown] },
  { method: "GET", path: "/definitions/pv", status: 200, answer: { policies: [shown] } },
  { method: "PUT", path: "/exchanges/pv/q", body: { type: "fanout" }, status: 201 },
  { method: "GET", path: "/exchanges/pv/q", status: 200, answer: { policy: "p" } },
  { method: "GET", path: "/policies/pv/none", status: 404, answer: missing },
  { method: "DELETE", path: "/policies/pv/none", status: 404, answer: missing },
  {
    method: "PUT",
    path: "/policies/none/p",
    body: { pattern: "", definition },
    status: 404,
    answer: { error: "not_found", reason: "vhost_not_found" },
  },
  { method: "PUT", path, body: { definition }, status: 400, answer: bad("[{key_missing,pattern}]") },
  { method: "PUT", path, body: { pattern: "" }, status: 400, answer: bad("[{key_missing,definition}]") },
  { method: "PUT", path, body: { pattern: "(", definition }, status: 400 },
  ...refusals.map(([wrong, why]): RequestCase => {
    const body = { pattern: "", definition: wrong };
    return { method: "PUT", path, body, status: 400, answer: invalid(why) };
  }),
  ...others.map(([wrong, why]): RequestCase => {
    const body = { pattern: "", definition, ...wrong };
    return { method: "PUT", path, body, status: 400, answer: invalid(why) };
  }),
  { method: "GET", path: "/policies/pv", status: 200, answer: [shown] },
  {
    method: "POST",
    path: "/definitions",
    body: { policies: [{ ...imported, vhost: "pv", definition: { nonsense: 1 } }] },
    status: 400,
    answer: bad(
      'Validation failed\n\n[{&lt;&lt;"nonsense"&gt;&gt;,1}] are not recognised policy settings\n (pv/i)',
    ),
  },
  { method: "POST", path: "/definitions", body: { policies: [{ ...imported, vhost: "pv" }] }, status: 204 },
  { method: "GET", path: "/policies/pv/i", status: 200, answer: { ...imported, vhost: "pv" } },
  {
    method: "POST",
    path: "/definitions/pv",
    body: { policies: [{ ...imported, priority: 2 }] },
    status: 204,
  },
  { method: "GET", path: "/policies/pv/i", status: 200, answer: { priority: 2 } },
  { method: "DELETE", path, status: 204 },
  { method: "GET", path, status: 404, answer: missing },
  { method: "GET", path: "/operator-policies", status: 200, answer: [] },
  { method: "DELETE", path: "/vhosts/pv", status: 204 },
  { method: "GET", path: "/policies", status: 200, answer: [] },
];
