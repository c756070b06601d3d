// The test suites of other AMQP clients against our broker, or against RabbitMQ to compare. They are not ours
// to keep: name checkouts of their repositories whose packages are installed, and run this file by hand.
//
//   AMQPLIB_DIR=… RABBITMQ_CLIENT_DIR=… PIKA_DIR=… PY_AMQP_DIR=… [PYTHON=…] [BROKER=rabbitmq] \
//     node tests/conformance/foreign-suites.ts
//
// It prints a row for each suite as docs/amqp-clients.md has them, and fails when a test did.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Broker, persistence, serveAmqp } from "@micronova/amqp";
import { realPlatform } from "../support/running-broker.ts";
import { startRabbit } from "../support/running-rabbit.ts";

interface Suite {
  /** The variable that names its checkout. */
  readonly variable: string;
  /** Run in the checkout. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly env: Readonly<Record<string, string>>;
}

interface Summary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

type Stop = () => Promise<void>;

const guest = "amqp://guest:guest@127.0.0.1:5672";
// A busy machine is no failure; amqplib's own bound is a second for each test.
const bounds = ["--test", "--test-reporter=spec", "--test-timeout=60000"];
const stripped = ["--no-experimental-strip-types", "-r", "ts-node/register"];
const python = process.env["PYTHON"] ?? "python3";
const pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider"];
const acceptance = (name: string) => `tests/acceptance/${name}.py`;
const suites: readonly Suite[] = [
  { variable: "AMQPLIB_DIR", command: [process.execPath, ...bounds], env: { URL: guest } },
  {
    variable: "RABBITMQ_CLIENT_DIR",
    command: [process.execPath, ...stripped, ...bounds, "test/*.ts"],
    // Whether its types suit a newer compiler is not the question.
    env: { RABBITMQ_URL: guest, TS_NODE_TRANSPILE_ONLY: "1" },
  },
  {
    variable: "PIKA_DIR",
    // Not those of gevent, for which many machines have no package.
    command: [
      python,
      ...pytest,
      ...["-k", "not gevent"],
      ...["blocking_adapter_test", "async_adapter_tests", "thread_safe_connection_test"].map(acceptance),
      acceptance("twisted_adapter_tests"),
    ],
    env: {},
  },
  // Its broker has no TLS here.
  { variable: "PY_AMQP_DIR", command: [python, ...pytest, "-k", "not tls", "t/integration"], env: {} },
];

process.exitCode = process.env["FOREIGN_SUITES_INSIDE"] === undefined ? await goInside() : await runSuites();

/** amqplib's tests know one address, port 5672 by IPv4 and IPv6: a network of one's own has it free. */
function goInside(): Promise<number> {
  const self = [process.execPath, fileURLToPath(import.meta.url)];
  const isRoot = process.getuid?.() === 0;
  const namespaces = isRoot ? ["--net"] : ["--user", "--map-root-user", "--net"];
  const inside = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", ...self];
  return statusOf("unshare", [...namespaces, ...inside], { env: { FOREIGN_SUITES_INSIDE: "1" } });
}

async function runSuites(): Promise<number> {
  const given = suites.filter(({ variable }) => process.env[variable] !== undefined);
  if (given.length === 0) {
    process.stderr.write(`No suite is named: set ${suites.map(({ variable }) => variable).join(" or ")}.\n`);
    return 2;
  }
  const rows: string[] = [];
  let failed = 0;
  for (const suite of given) {
    const stop = await (process.env["BROKER"] === "rabbitmq" ? serveRabbit() : serveOurs());
    const dir = process.env[suite.variable]!;
    let output = "";
    try {
      const hear = (text: string) => {
        output += text;
        process.stdout.write(text);
      };
      const [program, ...args] = suite.command;
      failed += await statusOf(program, args, { cwd: dir, env: suite.env, hear });
    } finally {
      await stop();
    }
    const { passed, failed: bad, skipped } = summaryOf(output);
    rows.push(`| ${basename(dir)} | ${passed + bad + skipped} | ${passed} | ${bad} | ${skipped} |`);
  }
  process.stdout.write("\n| Client | Tests | Passed | Failed | Skipped |\n|---|---|---|---|---|\n");
  process.stdout.write(`${rows.join("\n")}\n`);
  return failed === 0 ? 0 : 1;
}

async function serveOurs(): Promise<Stop> {
  const dir = mkdtempSync(join(tmpdir(), "micronova-foreign-"));
  const broker = new Broker(realPlatform);
  const storage = persistence(broker, dir);
  await storage.start();
  const services = ["127.0.0.1", "::1"].map((host) => serveAmqp(broker, { host, port: 5672 }));
  for (const service of services) await service.start();
  return async () => {
    for (const service of services) await service.stop();
    broker.close();
    await storage.stop();
    rmSync(dir, { recursive: true });
  };
}

async function serveRabbit(): Promise<Stop> {
  const config = "listeners.tcp.2 = 127.0.0.1:5672\nlisteners.tcp.3 = ::1:5672";
  const { stop } = await startRabbit({ config });
  return stop;
}

interface Surroundings {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What it prints; it goes where ours goes when nobody listens. */
  readonly hear?: (text: string) => void;
}

function statusOf(
  program: string,
  args: readonly string[],
  { env, cwd, hear }: Surroundings,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", hear === undefined ? "inherit" : "pipe", "inherit"],
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => hear?.(text));
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

/** What Node's runner and pytest say at their ends. */
function summaryOf(output: string): Summary {
  const count = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? 0);
  const cancelled = count(/^ℹ cancelled (\d+)$/m);
  return {
    passed: count(/^ℹ pass (\d+)$/m) + count(/\b(\d+) passed\b/),
    failed: count(/^ℹ fail (\d+)$/m) + cancelled + count(/\b(\d+) failed\b/),
    skipped: count(/^ℹ skipped (\d+)$/m) + count(/\b(\d+) skipped\b/),
  };
}
