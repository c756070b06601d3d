// Where the APIs are reached, and what is checked and written down before anybody is told.
import { existsSync, readFileSync } from "node:fs";
import { isLoopback } from "./address.ts";
import type { CloudConfig } from "./config.ts";
import { writeCredentials } from "./credentials-files.ts";
import { configFile, type DataDir } from "./data-dir.ts";
import { errors } from "./errors.ts";
import type { Served } from "./serve.ts";

/** Writes the credentials for clients where the cloud was made; the answer is the address they go to. */
export function publish(config: CloudConfig, dir: DataDir, served: Omit<Served, "stop">): string {
  const origin = originOf(config, served.port ?? config.port);
  if (!served.hasPasswords) return origin;
  writeCredentials(dir, {
    authUrl: `${origin}/identity/v3`,
    region: config.region,
    cacert: config.tls?.cert ?? null,
  });
  return origin;
}

/** Where the APIs are reached. */
export function originOf({ public_url, tls, listen }: CloudConfig, port: number): string {
  if (public_url !== undefined) return public_url.replace(/\/$/, "");
  return `${tls === undefined ? "http" : "https"}://${hostOf(listen)}:${port}`;
}

/** The catalog keeps the region it was made with; clients told another one would find no service. */
export function assertSameRegion(dir: DataDir, { region }: CloudConfig): void {
  const path = dir.file(configFile);
  if (!existsSync(path)) return;
  const before: CloudConfig = JSON.parse(readFileSync(path, "utf8"));
  if (before.region !== region) throw errors.regionFixed(before.region, region);
}

/** Anybody who reaches the port reads the passwords that pass it: off loopback they need TLS. */
export function assertSafe({ listen, tls, insecure }: CloudConfig): void {
  if (!isLoopback(listen) && tls === undefined && !insecure) throw errors.needsTls(listen);
}

/** An address as it stands in a URL; one that means all of them is reached through loopback. */
function hostOf(listen: string): string {
  if (listen === "0.0.0.0" || listen === "::") return "127.0.0.1";
  return listen.includes(":") ? `[${listen}]` : listen;
}
