// Security groups of a server: they are its ports', and one request changes all of them. The network carries
// the change to the host by itself.
import type { RequestContext, Uuid } from "@micronova/kit";
import { ports, type SecurityGroup, securityGroups } from "@micronova/network";
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
  request: GroupRequest,
): Promise<void> {
  return change(deps, context, request, (groups, group) => [
    ...groups.filter(({ id }) => id !== group.id),
    group,
  ]);
}

export function removeSecurityGroup(
  deps: ComputeDeps,
  context: RequestContext,
  request: GroupRequest,
): Promise<void> {
  return change(deps, context, request, (groups, group) => {
    const left = groups.filter(({ id }) => id !== group.id);
    if (left.length === groups.length) throw errors.securityGroupNotOnServer(request.group, request.id);
    return left;
  });
}

type Groups = readonly SecurityGroup[];

async function change(
  { store }: ComputeDeps,
  context: RequestContext,
  { id, group }: GroupRequest,
  how: (groups: Groups, group: SecurityGroup) => Groups,
): Promise<void> {
  await store.transaction(async (tx) => {
    const server = await getServer(tx, context, id);
    const named = await securityGroups.named(tx, server.project_id, group);
    const portIds = await portIdsOf(tx, id);
    const groups = how(await securityGroups.ofPorts(tx, portIds), named);
    const groupIds = groups.map((one) => one.id);
    for (const portId of portIds) {
      const port = await ports.find(tx, portId);
      if (port !== null) await ports.update(tx, port, { security_groups: groupIds });
    }
    const names = [...new Set(groups.map(({ name }) => name))];
    await updateServer(tx, context, id, { security_groups: JSON.stringify(names) });
  });
}
