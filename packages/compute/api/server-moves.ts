// Actions that move servers between hosts, or change their size.
import { actionsOf, eitherVersion, since, Type, until } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { confirmResize, migrateServer, resizeServer, revertResize } from "../server-moves.ts";
import { diskConfig, hostLike } from "./schemas/parts.ts";

const action = actionsOf<ComputeDeps>();
const anything = Type.Unknown();
const closed = { additionalProperties: false } as const;

const resize = action({
  name: "resize",
  policy: "os_compute_api:servers:resize",
  schema: Type.Object(
    {
      flavorRef: Type.Union([Type.String({ minLength: 1 }), Type.Integer()]),
      "OS-DCF:diskConfig": Type.Optional(diskConfig),
    },
    closed,
  ),
  success: 202,
  summary: "Changes the server's flavor; it stays able to go back until that is confirmed.",
  async handle(request, deps) {
    const { flavorRef, "OS-DCF:diskConfig": config } = request.body;
    const wanted = {
      id: request.params["server_id"]!,
      flavorRef: String(flavorRef),
      autoDiskConfig: config === undefined ? null : config === "AUTO",
    };
    await deps.store.transaction((tx) => resizeServer(deps, tx, request.context, wanted));
    return null;
  },
});

const confirm = action({
  name: "confirmResize",
  policy: "os_compute_api:servers:confirm_resize",
  schema: anything,
  success: 204,
  summary: "Lets the server stay what a resize or a migration made of it.",
  async handle(request, deps) {
    const id = request.params["server_id"]!;
    await deps.store.transaction((tx) => confirmResize(deps, tx, request.context, id));
    return null;
  },
});

const revert = action({
  name: "revertResize",
  policy: "os_compute_api:servers:revert_resize",
  schema: anything,
  success: 202,
  summary: "Takes a resize or a migration back.",
  async handle(request, deps) {
    const id = request.params["server_id"]!;
    await deps.store.transaction((tx) => revertResize(deps, tx, request.context, id));
    return null;
  },
});

const host = Type.Optional(Type.Union([hostLike, Type.Null()]));

const migrate = action({
  name: "migrate",
  policy: "os_compute_api:os-migrate-server:migrate",
  schema: eitherVersion(
    [until("2.55"), anything],
    [since("2.56"), Type.Union([Type.Null(), Type.Object({ host }, closed)])],
  ),
  success: 202,
  summary: "Moves the server to another host while it is off.",
  async handle(request, deps) {
    const { body, params, context } = request;
    const hasHost =
      request.does(since("2.56")) && typeof body === "object" && body !== null && "host" in body;
    const wanted = {
      id: params["server_id"]!,
      host: hasHost && typeof body.host === "string" ? body.host : null,
    };
    await deps.store.transaction((tx) => migrateServer(deps, tx, context, wanted));
    return null;
  },
});

export const moveActions = [resize, confirm, revert, migrate];
