// /snapshots: there are none, and the lists say so; making one is refused in words.
import { routesOf } from "@micronova/http";
import type { VolumeDeps } from "../deps.ts";
import { errors } from "../errors.ts";

const route = routesOf<VolumeDeps>();

const list = route({
  method: "GET",
  path: "/snapshots",
  policy: "volume:get_all_snapshots",
  success: 200,
  summary: "Lists snapshots, of which there are none.",
  handle: async () => ({ snapshots: [] }),
});

const listDetails = route({
  method: "GET",
  path: "/snapshots/detail",
  policy: "volume:get_all_snapshots",
  success: 200,
  summary: "Lists snapshots with all their fields, of which there are none.",
  handle: async () => ({ snapshots: [] }),
});

const show = route({
  method: "GET",
  path: "/snapshots/:snapshot_id",
  policy: "volume:get_all_snapshots",
  success: 200,
  summary: "Refuses: there are no snapshots.",
  async handle({ params }) {
    throw errors.snapshotNotFound(params["snapshot_id"]!);
  },
});

const create = route({
  method: "POST",
  path: "/snapshots",
  policy: "volume:create_snapshot",
  success: 202,
  summary: "Refuses: snapshots are not supported.",
  async handle() {
    throw errors.noSnapshots();
  },
});

export const snapshotRoutes = [list, listDetails, show, create];
