// Graphical and serial consoles: no console proxy runs, so every type is unavailable, in Nova's words.
import { routesOf, since, Type } from "@micronova/http";
import type { ComputeDeps } from "../deps.ts";
import { resourceErrors } from "../errors-resources.ts";
import { getServer } from "../servers.ts";

const route = routesOf<ComputeDeps>();
const closed = { additionalProperties: false } as const;
const word = (words: readonly string[]) => Type.Union(words.map((one) => Type.Literal(one)));

export const remoteConsoleRoutes = [
  route({
    method: "POST",
    path: "/servers/:server_id/remote-consoles",
    ...since("2.6"),
    policy: "os_compute_api:os-remote-consoles",
    body: Type.Object(
      {
        remote_console: Type.Object(
          {
            protocol: word(["vnc", "spice", "serial", "mks"]),
            type: word(["novnc", "xvpvnc", "spice-html5", "spice-direct", "serial", "webmks"]),
          },
          closed,
        ),
      },
      closed,
    ),
    success: 200,
    summary: "Refuses: this cloud runs no console proxy.",
    async handle({ context, params, body }, { store }) {
      await getServer(store.read, context, params["server_id"]!);
      throw resourceErrors.consoleUnavailable(body.remote_console.type);
    },
  }),
];
