// Hosts that join the cloud, and the tokens that let them in.
import { routesOf, Type } from "@micronova/http";
import { isoSeconds } from "@micronova/kit";
import { type HostRole, hostRoles, joinHost, listHosts, makeHostToken, removeHost } from "../hosts.ts";
import type { OperationsDeps } from "../service.ts";

const route = routesOf<OperationsDeps>();

const minutesDefault = 60;
const minutesMax = 7 * 24 * 60;

const hostName = Type.String({ pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$" });

export const listJoined = route({
  method: "GET",
  path: "/hosts",
  policy: "operations:hosts:list",
  success: 200,
  summary: "Lists the hosts that joined.",
  async handle(_request, { store }) {
    const hosts = await listHosts(store.read);
    return {
      hosts: hosts.map(({ name, roles, joinedAt }) => ({ name, roles, joined_at: isoSeconds(joinedAt) })),
    };
  },
});

export const createToken = route({
  method: "POST",
  path: "/hosts/tokens",
  policy: "operations:hosts:token",
  body: Type.Object(
    {
      host: Type.Optional(hostName),
      roles: Type.Array(Type.Unsafe<HostRole>(Type.Enum([...hostRoles])), {
        minItems: 1,
        uniqueItems: true,
      }),
      minutes: Type.Optional(Type.Integer({ minimum: 1, maximum: minutesMax })),
    },
    { additionalProperties: false },
  ),
  success: 201,
  summary: "Makes a token that lets one host join once. The secret is shown here and nowhere else.",
  async handle({ context, body }, deps) {
    const { host = null, roles, minutes = minutesDefault } = body;
    const { secret, expiresAt } = await makeHostToken(deps, context, { host, roles, minutes });
    return { token: { secret, host, roles, expires_at: isoSeconds(expiresAt) } };
  },
});

export const joinOne = route({
  method: "POST",
  path: "/hosts",
  // The token is what lets it in.
  policy: null,
  body: Type.Object(
    { token: Type.String({ minLength: 1, maxLength: 255 }), host: hostName },
    { additionalProperties: false },
  ),
  success: 201,
  summary:
    "Lets a host in that has a token: it is given its settings, with a user of the bus that is its own.",
  async handle({ context, body }, deps) {
    const joined = await joinHost(deps, context, { secret: body.token, host: body.host });
    return { host: { name: body.host, ...joined } };
  },
});

export const removeJoined = route({
  method: "DELETE",
  path: "/hosts/:host_name",
  policy: "operations:hosts:remove",
  success: 204,
  summary: "Ends what a host may do on the bus. Its services and servers are not touched.",
  handle: ({ context, params }, deps) => removeHost(deps, context, params["host_name"]!),
});
