// The management API of a bus, as its commands reach it: one that a URL names (also a RabbitMQ's), the bus of
// the data directory, or the bus inside its cloud.
import { resolve } from "node:path";
import { runningPid } from "@micronova/cloud";
import { type BusFile, readBusFile } from "./bus-file.ts";
import { cliErrors } from "./errors.ts";
import { reachCloud } from "./running-cloud.ts";

export interface BusOptions {
  readonly dataDir: string;
  readonly url?: string;
}

export interface BusApi {
  readonly url: string;
  /** The JSON under a path of the API, such as `/overview`. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape, read by who knows it.
  get(path: string): Promise<any>;
}

/** Throws a sentence when none can be reached. */
export async function reachBus({ dataDir: given, url }: BusOptions): Promise<BusApi> {
  if (url !== undefined) return apiAt(...readUrl(url));
  const dataDir = resolve(given);
  const file = readBusFile(dataDir);
  if (file !== null && isAlive(file)) return apiAt(file.url, `Bearer ${file.key}`);
  if (runningPid(dataDir) === null) throw cliErrors.noBus(dataDir);
  const { client } = await reachCloud({ dataDir });
  return { url: client.endpoint("bus"), get: (path) => client.call("bus", path) };
}

/** The process that wrote the file; a file that outlived a kill leads nowhere. */
function isAlive({ pid }: BusFile): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

function readUrl(text: string): readonly [url: string, authorization: string] {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw cliErrors.badBusUrl(text);
  const [name, password] = [url.username || "guest", url.password || "guest"].map(decodeURIComponent);
  const origin = `${url.origin}${url.pathname.replace(/\/(?:api\/?)?$/, "")}`;
  return [origin, `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`];
}

function apiAt(url: string, authorization: string): BusApi {
  return {
    url,
    async get(path) {
      const response = await ask(`${url}/api${path}`, authorization);
      // Whatever RabbitMQ answers with, a refusal has a reason.
      const body = (await response.json()) as { readonly reason?: string };
      if (!response.ok) throw cliErrors.busRefused(url, body.reason ?? response.statusText);
      return body;
    },
  };
}

async function ask(url: string, authorization: string): Promise<Response> {
  try {
    return await fetch(url, { headers: { authorization } });
  } catch (error) {
    // Node's fetch hides why in the cause.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw cliErrors.busUnreachable(
      new URL(url).origin,
      cause instanceof Error ? cause.message : String(cause),
    );
  }
}
