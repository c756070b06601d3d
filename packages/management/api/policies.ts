// Policies. What operators forbid beside them (`operator-policies`) is among what this broker has not.
import { mayUse } from "../caller.ts";
import { managementErrors } from "../errors.ts";
import { assertFields, objectField } from "../fields.ts";
import { policyOf, policyView } from "../policies.ts";
import {
  type Asked,
  found,
  hostOf,
  hostsOf,
  list,
  noContent,
  param,
  put,
  type Route,
  route,
  value,
} from "../routes.ts";

export const policyRoutes: readonly Route[] = [
  route("GET", "/policies", "management", (asked) => list(hostsOf(asked).flatMap(viewsOf))),
  route("GET", "/policies/:vhost", "host", (asked) => list(viewsOf(hostOf(asked)))),
  route("GET", "/policies/:vhost/:name", "policymaker", (asked) => {
    const host = ownHostOf(asked);
    return value(policyView(host, found(host.policies.find(param(asked, "name")))));
  }),
  route("PUT", "/policies/:vhost/:name", "policymaker", async (asked) => {
    if (!asked.broker.hosts.has(param(asked, "vhost"))) throw managementErrors.notFound("vhost_not_found");
    const host = ownHostOf(asked);
    const body = await asked.json();
    assertFields(body, ["pattern", "definition"]);
    objectField(body, "definition");
    const policy = policyOf({ ...body, name: param(asked, "name") });
    const isNew = host.policies.find(policy.name) === null;
    host.putPolicy(policy);
    return put(isNew);
  }),
  route("DELETE", "/policies/:vhost/:name", "policymaker", (asked) => {
    const host = ownHostOf(asked);
    host.dropPolicy(found(host.policies.find(param(asked, "name"))).name);
    return noContent;
  }),
];

type Host = ReturnType<typeof hostOf>;

const viewsOf = (host: Host) => host.policies.all.map((policy) => policyView(host, policy));

/** Whoever makes policies makes them where he may go. */
function ownHostOf(asked: Asked): Host {
  const host = hostOf(asked);
  if (!mayUse(asked.caller, host.name))
    throw managementErrors.notAllowed("User not authorised to access object");
  return host;
}
