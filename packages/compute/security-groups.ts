// Security groups of a server: they are its ports', and one request changes all of them. The network carries
// the change to the host by itself.
import type { RequestContext, Uuid } from "@micronova/kit";
import { ports, securityGroups } from "@micronova/network";
import type { ComputeDeps } from "./deps.ts";
import { errors } from "./errors.ts";
import { portIdsOf } from "./interfaces.ts";
import { getServer, updateServer } from "./servers.ts";

interface GroupRequest {
  readonly id: Uuid;
  /** Its name or id. */
  readonly group: string;
}

export function addSecurityGroup(
  deps: ComputeDeps,
  context: RequestContext,
  { id, group }: GroupRequest,
): Promise<void> {
  return change(deps, context, id, (groups) => [...new Set([...groups, group])]);
}

export function removeSecurityGroup(
  deps: ComputeDeps,
  context: RequestContext,
  { id, group }: GroupRequest,
): Promise<void> {
  return change(deps, context, id, (groups) => {
    if (!groups.includes(group)) throw errors.securityGroupNotOnServer(group, id);
    return groups.filter((other) => other !== group);
  });
}

async function change(
  { store }: ComputeDeps,
  context: RequestContext,
  id: Uuid,
  how: (groups: readonly string[]) => readonly string[],
): Promise<void> {
  await store.transaction(async (tx) => {
    const server = await getServer(tx, context, id);
    // Written as a JSON array of names by this package alone.
    const names = how(JSON.parse(server.security_groups) as string[]);
    await securityGroups.resolve(tx, server.project_id, names);
    for (const portId of await portIdsOf(tx, id)) {
      const port = await ports.find(tx, portId);
      if (port !== null) await ports.update(tx, port, { security_groups: names });
    }
    await updateServer(tx, context, id, { security_groups: JSON.stringify(names) });
  });
}
