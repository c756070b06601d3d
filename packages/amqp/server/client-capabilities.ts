// What a client has said about itself: what it understands beyond AMQP's own text.
import type { Table } from "../codec/table.ts";

export interface ClientCapabilities {
  readonly cancelsConsumers: boolean;
  readonly isBlockable: boolean;
  /** Why a login is refused; the others take an end without a word for that. */
  readonly hearsRefusals: boolean;
}

export function capabilitiesOf(properties: Table): ClientCapabilities {
  const { capabilities } = properties;
  const has = (name: string) =>
    // A table's fields are looked up by name; what is no table has none.
    (capabilities as Table | undefined)?.[name] === true;
  return {
    cancelsConsumers: has("consumer_cancel_notify"),
    isBlockable: has("connection.blocked"),
    hearsRefusals: has("authentication_failure_close"),
  };
}
