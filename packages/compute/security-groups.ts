// Security groups of a server: they are its ports', and one request changes all of them.
import type { RequestContext, Uuid } from "@micronova/kit";
import { ports, securityGroups } from "@micronova/network";
import type { ComputeDeps } from "./deps.ts";
import { errors } from "./errors.ts";
import { portIdsOf } from "./interfaces.ts";
import { getServer, updateServer } from "./servers.ts";

type Change = (groups: readonly Uuid[], changed: Uuid) => readonly Uuid[];

export function addSecurityGroup(
  deps: ComputeDeps,
  context: RequestContext,
  id: Uuid,
  name: string,
): Promise<void> {
  return change(deps, context, { id, name }, (groups, added) => [...new Set([...groups, added])]);
}

export function removeSecurityGroup(
  deps: ComputeDeps,
  context: RequestContext,
  id: Uuid,
  name: string,
): Promise<void> {
  return change(deps, context, { id, name }, (groups, removed) => {
    if (!groups.includes(removed)) throw errors.securityGroupNotOnServer(name, id);
    return groups.filter((group) => group !== removed);
  });
}

/** The network carries the change to the host by itself; the server's row only remembers the names. */
async function change(
  { store }: ComputeDeps,
  context: RequestContext,
  { id, name }: { readonly id: Uuid; readonly name: string },
  how: Change,
): Promise<void> {
  await store.transaction(async (tx) => {
    await getServer(tx, context, id);
    const group = await securityGroups.find(tx, context, name);
    const names = new Set<string>();
    for (const portId of await portIdsOf(tx, id)) {
      const changed = how(await ports.groupsOf(tx, portId), group.id);
      await ports.setGroups(tx, portId, changed);
      for (const groupId of changed) names.add((await securityGroups.find(tx, context, groupId)).name);
    }
    await updateServer(tx, context, id, { security_groups: JSON.stringify([...names]) });
  });
}
