// /messages (from 3.3 on): what went wrong with a project's volumes.
import { always, pageOf, routesOf, since, type View } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import type { VolumeDeps } from "../deps.ts";
import { getMessage, listMessages, removeMessage } from "../messages.ts";
import type { VolumeMessage } from "../tables.ts";

const route = routesOf<VolumeDeps>();
const present = since("3.3");
// Cinder forgets messages after so long; here they make room for newer ones, and this tells clients when at
// the latest.
const keptMs = 30 * 24 * 3_600_000;

const messageView: View<VolumeMessage> = {
  id: always(({ id }) => id),
  event_id: always(({ event_id }) => event_id),
  request_id: always(({ request_id }) => request_id),
  resource_type: always(() => "VOLUME"),
  resource_uuid: always(({ volume_id }) => volume_id),
  message_level: always(() => "ERROR"),
  user_message: always(({ user_message }) => user_message),
  created_at: always(({ created_at }) => isoMicros(created_at)),
  guaranteed_until: always(({ created_at }) => isoMicros(created_at + keptMs)),
  links: always(({ id }, { baseUrl }) => [
    { rel: "self", href: `${baseUrl}/messages/${id}` },
    { rel: "bookmark", href: `${baseUrl.replace("/v3", "")}/messages/${id}` },
  ]),
};

const list = route({
  method: "GET",
  path: "/messages",
  policy: "message:get_all",
  success: 200,
  ...present,
  summary: "Lists what went wrong, newest first.",
  async handle(request, { store }) {
    const found = await listMessages(store.read, request.context, pageOf(request).limit);
    return { messages: found.map((message) => request.render(messageView, message)) };
  },
});

const show = route({
  method: "GET",
  path: "/messages/:message_id",
  policy: "message:get",
  success: 200,
  ...present,
  summary: "Shows what went wrong.",
  async handle(request, { store }) {
    const found = await getMessage(store.read, request.context, request.params["message_id"]!);
    return { message: request.render(messageView, found) };
  },
});

const remove = route({
  method: "DELETE",
  path: "/messages/:message_id",
  policy: "message:delete",
  success: 204,
  ...present,
  summary: "Forgets a message.",
  async handle({ context, params }, { store }) {
    await store.transaction((tx) => removeMessage(tx, context, params["message_id"]!));
  },
});

export const messageRoutes = [list, show, remove];
