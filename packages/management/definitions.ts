// Definitions: users, virtual hosts, permissions, policies, exchanges, queues and bindings as one JSON text,
// which a RabbitMQ reads and writes as well. Taking them in twice is the same as once; what is there already
// stays as it is.
import {
  type BindingStatus,
  type Broker,
  bindingStatuses,
  exchangeStatus,
  plainTable,
  rabbitVersion,
  type VirtualHost,
} from "@micronova/amqp";
import { managementErrors } from "./errors.ts";
import { argumentsField, flagField, listField, tagsField, textField } from "./fields.ts";
import { productVersion } from "./node.ts";
import { policyOf, policyView } from "./policies.ts";
import type { JsonObject } from "./routes.ts";

/** Everything that is not the broker's own. */
export function definitionsOf(broker: Broker): JsonObject {
  const hosts = [...broker.hosts.values()];
  const inHosts = hosts.map((host) => ({ host, definitions: definitionsIn(host) }));
  const all = (kind: "queues" | "exchanges" | "bindings") =>
    inHosts.flatMap(({ host, definitions }) =>
      definitions[kind].map((one) => ({ ...one, vhost: host.name })),
    );
  return {
    rabbit_version: rabbitVersion,
    rabbitmq_version: rabbitVersion,
    product_name: "Micronova",
    product_version: productVersion,
    users: broker.access.users().map(({ record: { name, passwordHash, hashingAlgorithm, tags } }) => ({
      name,
      password_hash: passwordHash,
      hashing_algorithm: hashingAlgorithm,
      tags,
      limits: {},
    })),
    vhosts: hosts.map(({ spec: { name, description, tags } }) => ({
      name,
      description,
      tags,
      metadata: { description, tags },
    })),
    permissions: broker.access
      .permissions()
      .map(({ user, host, configure, write, read }) => ({ user, vhost: host, configure, write, read })),
    topic_permissions: [],
    parameters: [],
    global_parameters: [],
    policies: hosts.flatMap(policiesOf),
    queues: all("queues"),
    exchanges: all("exchanges"),
    bindings: all("bindings"),
  };
}

/** What is in one virtual host, without its name. */
export function definitionsOfHost(host: VirtualHost): JsonObject {
  return {
    rabbit_version: rabbitVersion,
    parameters: [],
    policies: policiesOf(host),
    ...definitionsIn(host),
  };
}

const policiesOf = (host: VirtualHost) => host.policies.all.map((policy) => policyView(host, policy));

function definitionsIn(host: VirtualHost) {
  const queues = host.queues.filter(({ spec }) => !spec.exclusive);
  const names = new Set(queues.map(({ name }) => name));
  return {
    queues: queues.map(({ spec: { name, durable, autoDelete, arguments: args } }) => ({
      name,
      durable,
      auto_delete: autoDelete,
      arguments: plainTable(args),
    })),
    exchanges: host.exchanges
      .filter(({ name }) => !name.startsWith("amq."))
      .map((exchange) => {
        const { vhost: _, message_stats: __, ...spec } = exchangeStatus(host.name, exchange);
        return spec;
      }),
    bindings: bindingStatuses(host)
      .filter((binding) => binding.source !== "" && isKept(binding, names))
      .map(({ vhost: _, ...binding }) => binding),
  };
}

function isKept({ destination, destination_type }: BindingStatus, queues: ReadonlySet<string>): boolean {
  return destination_type === "exchange" || queues.has(destination);
}

// What other brokers are known by; it says nothing of this one.
const othersNames: readonly string[] = ["internal_cluster_id", "cluster_name"];

/** Takes definitions in. Nothing of them, when they hold what cannot be taken in. */
export function importAll(broker: Broker, body: JsonObject): void {
  assertTakable(body);
  const hosts = listField(body, "vhosts").map((given) => textField(given, "name"));
  for (const kind of ["permissions", "policies", "queues", "exchanges", "bindings"])
    for (const given of listField(body, kind)) {
      const vhost = textField(given, "vhost");
      if (!broker.hosts.has(vhost) && !hosts.includes(vhost))
        throw managementErrors.badRequest(`no_such_vhost: ${vhost}`);
    }
  for (const given of listField(body, "vhosts")) putHost(broker, given);
  for (const given of listField(body, "users")) putUser(broker, given);
  for (const given of listField(body, "permissions")) {
    const permission = {
      configure: textField(given, "configure"),
      write: textField(given, "write"),
      read: textField(given, "read"),
    };
    broker.access.setPermission(textField(given, "user"), textField(given, "vhost"), permission);
  }
  // Looked at above.
  const hostOf = (given: JsonObject) => broker.hosts.get(textField(given, "vhost")) as VirtualHost;
  declareAll(broker, body, hostOf);
}

/** Takes in what belongs into one virtual host. */
export function importInto(broker: Broker, host: VirtualHost, body: JsonObject): void {
  assertTakable(body);
  declareAll(broker, body, () => host);
}

function assertTakable(body: JsonObject): void {
  for (const kind of ["parameters", "topic_permissions"])
    if (listField(body, kind).length > 0)
      throw managementErrors.badRequest(`${kind} are not supported; take them out and import the rest`);
  // What is none is refused before anything is taken in.
  importedPolicies(body);
  const others = listField(body, "global_parameters").map((given) => textField(given, "name"));
  const unknown = others.find((name) => !othersNames.includes(name));
  if (unknown !== undefined)
    throw managementErrors.badRequest(`global_parameters are not supported; take ${unknown} out`);
}

export function putHost(broker: Broker, given: JsonObject): void {
  const metadata = (given["metadata"] ?? {}) as JsonObject;
  const description = given["description"] ?? metadata["description"];
  const tags = given["tags"] ?? metadata["tags"];
  broker.addHost(textField(given, "name"), {
    ...(description === undefined ? {} : { description: String(description) }),
    ...(tags === undefined ? {} : { tags: tagsField({ tags }, "tags") }),
  });
}

export function putUser(broker: Broker, given: JsonObject): void {
  if (given["tags"] === undefined) throw managementErrors.badRequest("tags_not_present");
  const name = textField(given, "name");
  const tags = tagsField(given, "tags");
  if (given["password"] !== undefined) {
    broker.access.putUser({ name, tags, password: textField(given, "password") });
    return;
  }
  const passwordHash = textField(given, "password_hash", "");
  const algorithm = given["hashing_algorithm"];
  broker.access.putUser({
    name,
    tags,
    passwordHash,
    ...(algorithm === undefined ? {} : { hashingAlgorithm: textField(given, "hashing_algorithm") }),
  });
}

function importedPolicies(body: JsonObject) {
  return listField(body, "policies").map((given) => {
    const where = ` (${textField(given, "vhost", "")}/${textField(given, "name")})`;
    return { given, policy: policyOf(given, where) };
  });
}

/** Queues, exchanges and what binds them. What exists is left as it is, also when it differs. */
function declareAll(broker: Broker, body: JsonObject, hostOf: (given: JsonObject) => VirtualHost): void {
  for (const { given, policy } of importedPolicies(body)) hostOf(given).putPolicy(policy);
  for (const given of listField(body, "queues")) {
    const host = hostOf(given);
    const name = textField(given, "name");
    if (host.findQueue(name) !== null) continue;
    const [durable, autoDelete] = [flagField(given, "durable"), flagField(given, "auto_delete")];
    host.declareQueue(
      { name, durable, autoDelete, exclusive: false, arguments: argumentsField(given) },
      broker,
    );
  }
  for (const given of listField(body, "exchanges")) declareExchange(hostOf(given), given);
  for (const given of listField(body, "bindings")) {
    const host = hostOf(given);
    const destination = textField(given, "destination");
    const isToQueue = textField(given, "destination_type", "queue") === "queue";
    const target = isToQueue ? host.findQueue(destination) : host.findExchange(destination);
    const source = textField(given, "source");
    // As RabbitMQ does: a binding of what is not there is nothing.
    if (target === null || host.findExchange(source) === null) continue;
    host.bind(target, { source, key: textField(given, "routing_key"), arguments: argumentsField(given) });
  }
}

const kinds = ["direct", "topic", "fanout", "headers"] as const;

function declareExchange(host: VirtualHost, given: JsonObject): void {
  const name = textField(given, "name");
  const type = textField(given, "type");
  const kind = kinds.find((one) => one === type);
  if (kind === undefined) throw managementErrors.badRequest(`invalid exchange type '${type}'`);
  if (host.findExchange(name) !== null) return;
  host.declareExchange({
    name,
    kind,
    durable: flagField(given, "durable"),
    autoDelete: flagField(given, "auto_delete"),
    internal: flagField(given, "internal"),
    arguments: argumentsField(given),
  });
}
