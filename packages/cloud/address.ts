// Addresses as settings have them: `127.0.0.1:5672`, `[::1]:5672`.
import { errors } from "./errors.ts";

export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

export function addressOf(setting: string, text: string): SocketAddress {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535) throw errors.badAddress(setting, text);
  return { host, port };
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
