// What `POST /servers/{id}/action` does, one entry an action.
import { type ApiRequest, actionRoute, actionsOf, eitherVersion, since, Type, until } from "@micronova/http";
import { consoleOutput } from "../console.ts";
import type { ComputeDeps } from "../deps.ts";
import { addSecurityGroup, removeSecurityGroup } from "../security-groups.ts";
import {
  lockServer,
  removeServer,
  resetState,
  type SimpleAction,
  startAction,
  unlockServer,
} from "../servers.ts";
import { laterActions } from "./later-actions.ts";
import { name } from "./schemas/parts.ts";
import { moveActions } from "./server-moves.ts";

const action = actionsOf<ComputeDeps>();
const anything = Type.Unknown();

// biome-ignore lint/suspicious/noExplicitAny: every action's request, whatever its body.
type ActionRequest = ApiRequest<any, never>;
const idOf = (request: ActionRequest) => request.params["server_id"]!;

async function start(request: ActionRequest, deps: ComputeDeps, what: SimpleAction): Promise<null> {
  const wanted = { id: idOf(request), action: what };
  await deps.store.transaction((tx) => startAction(deps, tx, request.context, wanted));
  return null;
}

/** An action without parameters whose saga is one call to the host. */
function plain(name: string, policy: string, what: SimpleAction, summary: string) {
  return action({
    name,
    policy,
    schema: anything,
    success: 202,
    summary,
    handle: (request, deps) => start(request, deps, what),
  });
}

const reboot = action({
  name: "reboot",
  policy: "os_compute_api:servers:reboot",
  schema: Type.Object(
    { type: Type.String({ pattern: "^(?:HARD|Hard|hard|SOFT|Soft|soft)$" }) },
    { additionalProperties: false },
  ),
  success: 202,
  summary: "Restarts the guest, softly or hard.",
  handle: (request, deps) =>
    start(request, deps, request.body.type.toLowerCase() === "hard" ? "hardReboot" : "reboot"),
});

const lock = action({
  name: "lock",
  policy: "os_compute_api:os-lock-server:lock",
  schema: eitherVersion(
    [until("2.72"), anything],
    [
      since("2.73"),
      Type.Union([
        Type.Null(),
        Type.Object(
          { locked_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) },
          { additionalProperties: false },
        ),
      ]),
    ],
  ),
  success: 202,
  summary: "Locks the server against its users' actions.",
  async handle(request, deps) {
    const { body } = request;
    const hasReason = typeof body === "object" && body !== null && "locked_reason" in body;
    const reason = hasReason && request.does(since("2.73")) ? String(body.locked_reason) : null;
    await deps.store.transaction((tx) => lockServer(tx, request.context, idOf(request), reason));
    return null;
  },
});

const unlock = action({
  name: "unlock",
  policy: "os_compute_api:os-lock-server:unlock",
  schema: anything,
  success: 202,
  summary: "Lifts the lock.",
  async handle(request, deps) {
    await deps.store.transaction((tx) => unlockServer(tx, request.context, idOf(request)));
    return null;
  },
});

const reset = action({
  name: "os-resetState",
  policy: "os_compute_api:os-admin-actions:reset_state",
  schema: Type.Object(
    { state: Type.Union([Type.Literal("active"), Type.Literal("error")]) },
    { additionalProperties: false },
  ),
  success: 202,
  summary: "Writes a state over the server's; its guest is not touched.",
  async handle(request, deps) {
    await deps.store.transaction((tx) => resetState(tx, request.context, idOf(request), request.body.state));
    return null;
  },
});

const forceDelete = action({
  name: "forceDelete",
  policy: "os_compute_api:os-deferred-delete:force",
  schema: anything,
  success: 202,
  summary: "Deletes the server at once.",
  async handle(request, deps) {
    await deps.store.transaction((tx) => removeServer(deps, tx, request.context, idOf(request)));
    return null;
  },
});

const getConsoleOutput = action({
  name: "os-getConsoleOutput",
  policy: "os_compute_api:os-console-output",
  schema: Type.Object(
    {
      length: Type.Optional(
        Type.Union([Type.Integer({ minimum: -1 }), Type.String({ pattern: "^-?[0-9]+$" }), Type.Null()]),
      ),
    },
    { additionalProperties: false },
  ),
  success: 200,
  summary: "The last lines of the guest's serial console.",
  async handle(request, deps) {
    const length = request.body.length ?? null;
    const lines = length === null || Number(length) < 0 ? null : Number(length);
    return { output: await consoleOutput(deps, request.context, idOf(request), lines) };
  },
});

const groupBody = Type.Object({ name }, { additionalProperties: false });

const addGroup = action({
  name: "addSecurityGroup",
  policy: "os_compute_api:os-security-groups:add",
  schema: groupBody,
  success: 202,
  summary: "Puts the server's ports into a security group.",
  async handle(request, deps) {
    await addSecurityGroup(deps, request.context, { id: idOf(request), group: request.body.name });
    return null;
  },
});

const removeGroup = action({
  name: "removeSecurityGroup",
  policy: "os_compute_api:os-security-groups:remove",
  schema: groupBody,
  success: 202,
  summary: "Takes the server's ports out of a security group.",
  async handle(request, deps) {
    await removeSecurityGroup(deps, request.context, { id: idOf(request), group: request.body.name });
    return null;
  },
});

const serverActions = [
  plain("os-start", "os_compute_api:servers:start", "start", "Starts a stopped server."),
  plain("os-stop", "os_compute_api:servers:stop", "stop", "Shuts the guest down."),
  plain("pause", "os_compute_api:os-pause-server:pause", "pause", "Halts the guest's CPUs."),
  plain("unpause", "os_compute_api:os-pause-server:unpause", "unpause", "Lets a paused guest go on."),
  plain(
    "suspend",
    "os_compute_api:os-suspend-server:suspend",
    "suspend",
    "Saves the guest's memory and ends it.",
  ),
  plain("resume", "os_compute_api:os-suspend-server:resume", "resume", "Brings a suspended guest back."),
  reboot,
  lock,
  unlock,
  reset,
  forceDelete,
  getConsoleOutput,
  addGroup,
  removeGroup,
  ...moveActions,
  ...laterActions,
];

export const serverActionRoutes = [
  actionRoute<ComputeDeps>({
    path: "/servers/:server_id/action",
    actions: serverActions,
    summary: "Runs the action that the body names on a server.",
  }),
];
