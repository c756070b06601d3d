// The load generator, compiled for this run: C with librabbitmq, so that both processors are the brokers'.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "../../tests/support/running-cloud.ts";

/** What one run of the generator says; which of them depends on its mode. */
export type Figures = Readonly<Record<string, number>>;

export interface Generator {
  /** Runs it against a broker; throws when it, or the broker, failed. */
  run(broker: { readonly url: string; readonly pid: number }, args: readonly string[]): Promise<Figures>;
  remove(): void;
}

export async function buildGenerator(): Promise<Generator> {
  const dir = mkdtempSync(join(tmpdir(), "micronova-load-"));
  const remove = () => rmSync(dir, { recursive: true, force: true });
  const output = join(dir, "amqp-load");
  try {
    await compile(output);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    async run({ url, pid }, args) {
      const all = ["--json", "--uri", `${url}/%2f`, "--pid", String(pid), ...args];
      const { status, stdout, stderr } = await program(output, all);
      if (status !== 0) throw new Error(`amqp-load ${args.join(" ")} failed: ${stderr} ${stdout}`);
      return JSON.parse(stdout);
    },
    remove,
  };
}

async function compile(output: string): Promise<void> {
  const source = join(import.meta.dirname, "load", "amqp-load.c");
  const needs = "the load generator needs a C compiler and librabbitmq-dev (Debian: gcc, librabbitmq-dev)";
  const args = ["-O2", "-o", output, source, "-lrabbitmq", "-lpthread"];
  const built = await program("cc", args).catch((error) => {
    throw new Error(needs, { cause: error });
  });
  if (built.status !== 0) throw new Error(`${needs}: ${built.stderr}`);
}
