// A Linux network driver on a host in namespaces: this file is the program that runs there, and what calls it
// from the test by messages.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import type { HostNetwork, PortSpec } from "@micronova/network";
import type { NetworkDriver } from "../../packages/network/drivers/driver.ts";
import {
  type Guest,
  hostSnapshot,
  type TestHost,
  testHost,
} from "../../packages/network/drivers/linux/testing.ts";
import { type Host, on } from "./hosts-in-namespaces.ts";

type Called = "plug" | "unplug" | "refresh" | "apply" | "list" | "tunnel";

export interface DriverHost extends AsyncDisposable {
  readonly host: Host;
  readonly driver: Pick<NetworkDriver, Called>;
  guest(port: PortSpec): Promise<RemoteGuest>;
  /** The driver begins again, as a new process with the notes of the old. */
  restart(): Promise<void>;
  /** Answers metadata requests with the host's name and the asker's address. */
  serveMetadata(): Promise<void>;
  snapshot(): Promise<string>;
  dispose(): Promise<void>;
}

export type RemoteGuest = Omit<Guest, "start"> & { start(...command: readonly string[]): Promise<void> };

export interface DriverHostWish {
  readonly cloudId: string;
  readonly tunnelAddress: string;
}

export async function driverOn(host: Host, wish: DriverHostWish): Promise<DriverHost> {
  const [program, args] = on(host, process.execPath, fileURLToPath(import.meta.url), "serve");
  // A program of its own, not a part of this test run.
  const env = { ...process.env, NODE_TEST_CONTEXT: "" };
  const child = spawn(program, args, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const call = caller(child);
  await call("open", wish);
  return {
    host,
    driver: {
      plug: (port) => call("plug", port),
      unplug: (portId) => call("unplug", portId),
      refresh: (wanted) => call("refresh", wanted),
      apply: (wanted) => call("apply", wanted),
      list: () => call("list"),
      tunnel: () => call("tunnel"),
    },
    async guest(port) {
      await call("guest", port);
      return {
        run: (...command) => call("run", port.id, command),
        // Messages know no `undefined`.
        askAddress: (tries) => call("askAddress", port.id, ...(tries === undefined ? [] : [tries])),
        start: (...command) => call("start", port.id, command),
      };
    },
    restart: () => call("restart"),
    serveMetadata: () => call("serveMetadata"),
    snapshot: () => call("snapshot"),
    dispose: () => call("dispose"),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.disconnect();
      await once(child, "exit");
    },
  };
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

function caller(child: ChildProcess) {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let last = 0;
  child.on("message", ({ id, result, error }: Answer) => {
    const { resolve, reject } = waiting.get(id)!;
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  });
  child.on("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error("the driver's process ended"));
  });
  return <T>(method: string, ...args: readonly unknown[]): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = ++last;
      // Both ends are in this file.
      waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      child.send({ id, method, args });
    });
}

function serve(): void {
  let host: TestHost | null = null;
  let driver: NetworkDriver | null = null;
  const guests = new Map<string, Guest>();
  // What the other end of this file calls, with what it gives.
  const methods: Readonly<Record<string, (...args: readonly never[]) => Promise<unknown>>> = {
    async open(wish: DriverHostWish) {
      host = await testHost(wish);
      driver = host.driver;
    },
    plug: (port: PortSpec) => driver!.plug(port),
    unplug: (portId: string) => driver!.unplug(portId),
    refresh: (wanted: HostNetwork) => driver!.refresh(wanted),
    apply: (wanted: HostNetwork) => driver!.apply(wanted),
    list: () => driver!.list(),
    tunnel: () => driver!.tunnel(),
    async guest(port: PortSpec) {
      guests.set(port.id, await host!.guest(port));
    },
    run: (portId: string, command: readonly string[]) => guests.get(portId)!.run(...command),
    askAddress: (portId: string, tries?: number) => guests.get(portId)!.askAddress(tries),
    start: async (portId: string, command: readonly string[]) => guests.get(portId)!.start(...command),
    async restart() {
      driver = host!.again();
      await driver.start();
    },
    serveMetadata: () => serveMetadata(driver!),
    snapshot: hostSnapshot,
    dispose: () => driver!.dispose(),
  };
  process.on("message", async ({ id, method, args }: { id: number; method: string; args: never[] }) => {
    try {
      process.send!({ id, result: await methods[method]!(...args) });
    } catch (error) {
      process.send!({ id, error: error instanceof Error ? error.message : String(error) });
    }
  });
  process.once("disconnect", async () => {
    await host?.[Symbol.asyncDispose]();
    process.exit();
  });
}

async function serveMetadata(driver: NetworkDriver): Promise<void> {
  const { hostname } = await import("node:os");
  const { promise, resolve } = Promise.withResolvers<void>();
  driver.metadata!.watch(([endpoint]) => {
    if (endpoint === undefined) return;
    const server = createServer(({ socket }, response) =>
      response.end(`${hostname()} ${socket.remoteAddress}`),
    );
    server.listen(endpoint.port, endpoint.address, resolve);
  });
  await promise;
}

if (process.argv[2] === "serve") serve();
