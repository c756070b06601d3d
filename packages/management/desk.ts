// Acts in a virtual host with the rights of who asks, and the broker's refusals as RabbitMQ's management says
// them.
import { type Desk, deskOf, ReplyError, type VirtualHost } from "@micronova/amqp";
import { managementErrors } from "./errors.ts";
import { type Asked, hostOf } from "./routes.ts";

/** A desk for the virtual host of the path. */
export function deskFor({ broker, caller }: Asked, host: VirtualHost): Desk {
  return deskOf(broker, host, caller);
}

/** Declares, deletes, binds: refusals are told without AMQP's names for them. */
export function act(asked: Asked, what: (desk: Desk) => void): void {
  try {
    what(deskFor(asked, hostOf(asked)));
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    if (error.reply === "ACCESS_REFUSED") throw managementErrors.notAllowed("Access refused.");
    if (error.reply === "NOT_FOUND") throw managementErrors.notFound(error.text);
    throw managementErrors.badRequest(error.text);
  }
}

/** Takes messages: refusals are told with AMQP's names. */
export function taking<T>(what: () => T): T {
  try {
    return what();
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    if (error.reply === "ACCESS_REFUSED") throw managementErrors.notAllowed(error.message);
    if (error.reply === "NOT_FOUND") throw managementErrors.notFound(error.message);
    throw managementErrors.badRequest(error.message);
  }
}

/** Publishes: refusals are told with AMQP's codes. */
export async function publishing<T>(what: Promise<T>): Promise<T> {
  try {
    return await what;
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
    throw managementErrors.badRequest(`${error.code} ${error.message}`);
  }
}
