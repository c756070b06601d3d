// Actions that this cloud's drivers cannot do. They are known, so a client learns that from the answer (501)
// instead of being told that there is no such action; those Nova removed answer 410.
import { actionsOf, type Span, since, Type, until } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { errors } from "../errors.ts";
import { getServer } from "../servers.ts";

const action = actionsOf<ComputeDeps>();

function unsupported(name: string, policy: string, span: Span = {}) {
  return action({
    name,
    policy: `os_compute_api:${policy}`,
    schema: Type.Unknown(),
    success: 202,
    summary: "Not supported by this cloud's drivers.",
    ...span,
    async handle(request, deps) {
      await getServer(deps.store.read, request.context, request.params["server_id"]!);
      throw errors.notSupported(name);
    },
  });
}

function removed(name: string) {
  return action({
    name,
    policy: "os_compute_api:servers:show",
    schema: Type.Unknown(),
    success: 202,
    summary: "Removed from the API.",
    handle: () => Promise.reject(errors.removed()),
  });
}

export const laterActions = [
  unsupported("rebuild", "servers:rebuild"),
  unsupported("createImage", "servers:create_image"),
  unsupported("createBackup", "os-create-backup"),
  unsupported("rescue", "os-rescue"),
  unsupported("unrescue", "os-unrescue"),
  unsupported("shelve", "os-shelve:shelve"),
  unsupported("shelveOffload", "os-shelve:shelve_offload"),
  unsupported("unshelve", "os-shelve:unshelve"),
  unsupported("os-migrateLive", "os-migrate-server:migrate_live"),
  unsupported("evacuate", "os-evacuate"),
  unsupported("restore", "os-deferred-delete:restore"),
  unsupported("changePassword", "os-admin-password"),
  unsupported("trigger_crash_dump", "servers:trigger_crash_dump", since("2.17")),
  unsupported("injectNetworkInfo", "os-admin-actions:inject_network_info"),
  unsupported("os-getVNCConsole", "os-remote-consoles", until("2.5")),
  unsupported("os-getSPICEConsole", "os-remote-consoles", until("2.5")),
  unsupported("os-getSerialConsole", "os-remote-consoles", until("2.5")),
  removed("resetNetwork"),
  removed("os-getRDPConsole"),
];
