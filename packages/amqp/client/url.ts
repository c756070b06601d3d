// Where a broker is: amqp://user:password@host:port/vhost, or amqps: for TLS.
import { amqpErrors } from "../errors.ts";

export interface BrokerUrl {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly user: string;
  /** Null when the URL has none. */
  readonly password: string | null;
  readonly virtualHost: string;
}

export function readUrl(text: string): BrokerUrl {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["amqp:", "amqps:"].includes(url.protocol)) throw amqpErrors.badUrl();
  const isTls = url.protocol === "amqps:";
  const path = url.pathname.slice(1);
  return {
    host: url.hostname.replace(/^\[|\]$/g, "") || "localhost",
    port: url.port === "" ? (isTls ? 5671 : 5672) : Number(url.port),
    isTls,
    user: decodeURIComponent(url.username) || "guest",
    password: decodeURIComponent(url.password) || null,
    // No path, or an empty one, is the default host; a name with slashes is percent-encoded.
    virtualHost: path === "" ? "/" : decodeURIComponent(path),
  };
}
