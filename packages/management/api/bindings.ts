// Bindings, from exchanges to queues and to other exchanges.
import { createHash } from "node:crypto";
import {
  type BindingStatus,
  bindingStatuses,
  bindingsTo,
  implicitBinding,
  plainTable,
} from "@micronova/amqp";
import { act } from "../desk.ts";
import { managementErrors } from "../errors.ts";
import { argumentsField, shortText, textField } from "../fields.ts";
import {
  type Asked,
  created,
  found,
  hostOf,
  hostsOf,
  list,
  noContent,
  param,
  type Route,
  route,
  value,
} from "../routes.ts";

const between = "/bindings/:vhost/e/:source/:type/:destination";

export const bindingRoutes: readonly Route[] = [
  route("GET", "/bindings", "management", (asked) =>
    list(hostsOf(asked).flatMap((host) => bindingStatuses(host).map(bindingView))),
  ),
  route("GET", "/bindings/:vhost", "host", (asked) => list(bindingStatuses(hostOf(asked)).map(bindingView))),
  route("GET", between, "host", (asked) => list(bindingsBetween(asked).map(bindingView))),
  route("POST", between, "host", async (asked) => {
    const body = await asked.json();
    const [source, destination] = [param(asked, "source"), param(asked, "destination")];
    const key = shortText(textField(body, "routing_key", ""));
    const binding = { source, destination, key, arguments: argumentsField(body) };
    act(asked, (desk) => desk.bind(destinationType(asked), binding));
    const properties = propertiesKey({ routing_key: key, arguments: plainTable(binding.arguments) });
    return created(`${encodeURIComponent(destination)}/${encodeURIComponent(properties)}`);
  }),
  route("DELETE", `${between}/:key`, "host", (asked) => {
    const { source, destination, routing_key: key, arguments: args } = bindingOf(asked);
    const binding = { source, destination, key, arguments: args };
    act(asked, (desk) => desk.unbind(destinationType(asked), binding));
    return noContent;
  }),
  route("GET", `${between}/:key`, "host", (asked) => value(bindingView(bindingOf(asked)))),
];

/** A binding with the key by which paths call it. */
export function bindingView(binding: BindingStatus) {
  return { ...binding, properties_key: propertiesKey(binding) };
}

/** Those between the two that the path names. */
function bindingsBetween(asked: Asked): readonly BindingStatus[] {
  const host = hostOf(asked);
  const source = param(asked, "source");
  const name = param(asked, "destination");
  const isQueue = destinationType(asked) === "queue";
  const target = isQueue ? host.findQueue(name) : host.findExchange(name);
  if (target === null) return [];
  if (isQueue && source === "") return [implicitBinding(host.name, name)];
  return bindingsTo(host.name, target).filter((one) => one.source === source);
}

/** The one that the path names by its key. */
function bindingOf(asked: Asked): BindingStatus {
  const key = param(asked, "key");
  return found(bindingsBetween(asked).find((one) => propertiesKey(one) === key));
}

function destinationType(asked: Asked): "queue" | "exchange" {
  const type = param(asked, "type");
  if (type === "q") return "queue";
  if (type === "e") return "exchange";
  throw managementErrors.noObject();
}

/** The routing key as it stands in a query, and a digest of the arguments behind it if there are any. */
function propertiesKey({
  routing_key,
  arguments: args,
}: Pick<BindingStatus, "routing_key" | "arguments">): string {
  const key = quoted(routing_key);
  if (Object.keys(args).length === 0) return key === "" ? "~" : key;
  const digest = createHash("sha256").update(JSON.stringify(args)).digest().subarray(0, 4);
  return `${key}~${digest.toString("base64url")}`;
}

const quoted = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*~]/g, hexEscape)
    .replaceAll("%20", "+");
const hexEscape = (sign: string): string => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`;
