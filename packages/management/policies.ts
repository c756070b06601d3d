// Policies as JSON says them, and how one that is none is refused.
import { amqpErrors, type Policy, readPolicy, type VirtualHost } from "@micronova/amqp";
import { isFault } from "@micronova/kit";
import { managementErrors } from "./errors.ts";
import { objectField, textField } from "./fields.ts";
import type { JsonObject } from "./routes.ts";

export function policyView(host: VirtualHost, policy: Policy): JsonObject {
  const { name, pattern, appliesTo, definition, priority } = policy;
  return { vhost: host.name, name, pattern, "apply-to": appliesTo, definition, priority };
}

/** `where` is added to a refusal. */
export function policyOf(given: JsonObject, where = ""): Policy {
  try {
    return readPolicy({
      name: textField(given, "name"),
      pattern: given["pattern"],
      appliesTo: given["apply-to"] ?? "all",
      definition: objectField(given, "definition"),
      priority: given["priority"] ?? 0,
    });
  } catch (error) {
    if (!isFault(error, amqpErrors.badPolicy)) throw error;
    // The name is known to whoever has given it.
    const [, why] = error.params;
    throw managementErrors.badRequest(`Validation failed\n\n${escaped(String(why))}\n${where}`);
  }
}

/** RabbitMQ's tools take these texts for HTML. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
