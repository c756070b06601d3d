// /backups and /qos-specs: there are none, and the lists say so, for clients that go through all there
// may be.
import { routesOf } from "@micronova/http";
import type { VolumeDeps } from "../deps.ts";

const route = routesOf<VolumeDeps>();

const listBackups = route({
  method: "GET",
  path: "/backups",
  policy: "backup:get_all",
  success: 200,
  summary: "Lists backups, of which there are none.",
  handle: async () => ({ backups: [] }),
});

const listBackupDetails = route({
  method: "GET",
  path: "/backups/detail",
  policy: "backup:get_all",
  success: 200,
  summary: "Lists backups with all their fields, of which there are none.",
  handle: async () => ({ backups: [] }),
});

const listQosSpecs = route({
  method: "GET",
  path: "/qos-specs",
  policy: "volume_extension:qos_specs_manage:get_all",
  success: 200,
  summary: "Lists specifications of service quality, of which there are none.",
  handle: async () => ({ qos_specs: [] }),
});

export const backupRoutes = [listBackups, listBackupDetails, listQosSpecs];
