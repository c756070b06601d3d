// `micronova bus serve` as a process of the test's own, on free ports of the loopback.
import { type ChildProcess, spawn } from "node:child_process";
import { main } from "./running-cloud.ts";

export interface BusProcess {
  readonly child: ChildProcess;
  /** Where it answers, in the order in which it says so: first plainly, then by TLS. */
  readonly urls: readonly string[];
  /** Where its management API answers, without the path. */
  readonly management: string;
  /** Ends it without a word. */
  kill(): void;
  /** Asks it to end; resolves with its exit status. */
  stop(): Promise<number | null>;
}

/** Resolves once as many doors as asked for are open, and the management API is. */
export function startBus(dataDir: string, more: readonly string[] = [], doors = 1): Promise<BusProcess> {
  const args = [
    main,
    "bus",
    "serve",
    "--data-dir",
    dataDir,
    "--port",
    "0",
    "--management-port",
    "0",
    ...more,
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const urls = [...said.matchAll(/^The bus is up at (\S+),/gm)].map(([, url]) => url!);
      const [, management] = /^Its management API is up at (\S+)\/api\.$/m.exec(said) ?? [];
      if (urls.length === doors && management !== undefined)
        resolve({ child, urls, management, kill: () => child.kill("SIGKILL"), stop });
    });
    void ended.then((status) => reject(new Error(`the bus ended with ${status}: ${said}`)));
  });
}
