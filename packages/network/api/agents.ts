// /v2.0/agents and /v2.0/availability_zones
import { routesOf, Type } from "@micronova/http";
import { now } from "@micronova/store";
import { getAgent, isAlive, listAgents, rulesChanged } from "../agents.ts";
import type { NetworkDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { listOf, shown } from "./listing.ts";
import { agentView } from "./views.ts";

const route = routesOf<NetworkDeps>();
const collection = "/v2.0/agents";
const one = `${collection}/:agent_id`;

const list = route({
  method: "GET",
  path: collection,
  policy: "get_agent",
  success: 200,
  summary: "Lists the network workers of the hosts.",
  async handle(request, { store }) {
    const at = now(store.read);
    const rows = await listAgents(store.read);
    return listOf(
      request,
      "agents",
      rows.map((agent) => agentView(agent, at)),
    );
  },
});

const show = route({
  method: "GET",
  path: one,
  policy: "get_agent",
  success: 200,
  summary: "Shows a network worker.",
  async handle(request, { store }) {
    const agent = await getAgent(store.read, request.params["agent_id"]!);
    return shown(request, "agent", agentView(agent, now(store.read)));
  },
});

const update = route({
  method: "PUT",
  path: one,
  policy: "update_agent",
  body: Type.Object({
    agent: Type.Object({ admin_state_up: Type.Boolean() }, { additionalProperties: false }),
  }),
  success: 200,
  summary: "Marks a network worker as in or out of service.",
  async handle({ params, body }, { store }) {
    return store.transaction(async (tx) => {
      const { id } = await getAgent(tx, params["agent_id"]!);
      const admin_state_up = body.agent.admin_state_up ? 1 : 0;
      await tx.updateTable("network_agents").set({ admin_state_up }).where("id", "=", id).execute();
      return { agent: agentView(await getAgent(tx, id), now(tx)) };
    });
  },
});

const remove = route({
  method: "DELETE",
  path: one,
  policy: "delete_agent",
  success: 204,
  summary: "Forgets a network worker that is gone; one that lives reports itself again.",
  async handle({ params }, { store }) {
    await store.transaction(async (tx) => {
      const agent = await getAgent(tx, params["agent_id"]!);
      if (isAlive(agent, now(tx))) throw errors.badRequest(`Agent ${agent.id} is alive; stop it first.`);
      await tx.deleteFrom("network_agents").where("id", "=", agent.id).execute();
      // Nobody sends to it any more.
      await rulesChanged(tx);
    });
  },
});

const zones = route({
  method: "GET",
  path: "/v2.0/availability_zones",
  policy: "get_availability_zone",
  success: 200,
  summary: "Lists availability zones.",
  handle: async () => ({
    availability_zones: ["network", "router"].map((resource) => ({
      name: "nova",
      resource,
      state: "available",
    })),
  }),
});

export const agentRoutes = [list, show, update, remove, zones];
