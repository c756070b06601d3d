// The test suites of other AMQP clients against our broker, or against RabbitMQ to compare. They are not ours
// to keep: name checkouts of their repositories whose packages are installed, and run this file by hand.
//
//   AMQPLIB_DIR=… RABBITMQ_CLIENT_DIR=… [BROKER=rabbitmq] node tests/conformance/foreign-suites.ts
//
// It prints a row for each suite as docs/amqp-clients.md has them, and fails when a test did.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Broker, persistence, serveAmqp } from "@micronova/amqp";
import { realPlatform } from "../support/running-broker.ts";
import { startRabbit } from "../support/running-rabbit.ts";

interface Suite {
  /** The variable that names its checkout. */
  readonly variable: string;
  /** After `node`, in the checkout. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

interface Summary {
  readonly tests: number;
  readonly pass: number;
  readonly fail: number;
  readonly cancelled: number;
  readonly skipped: number;
}

type Stop = () => Promise<void>;

const guest = "amqp://guest:guest@127.0.0.1:5672";
// A busy machine is no failure; amqplib's own bound is a second for each test.
const bounds = ["--test", "--test-reporter=spec", "--test-timeout=60000"];
const suites: readonly Suite[] = [
  { variable: "AMQPLIB_DIR", args: bounds, env: { URL: guest } },
  {
    variable: "RABBITMQ_CLIENT_DIR",
    args: ["--no-experimental-strip-types", "-r", "ts-node/register", ...bounds, "test/*.ts"],
    // Whether its types suit a newer compiler is not the question.
    env: { RABBITMQ_URL: guest, TS_NODE_TRANSPILE_ONLY: "1" },
  },
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
      failed += await statusOf(process.execPath, suite.args, { cwd: dir, env: suite.env, hear });
    } finally {
      await stop();
    }
    const { name, version } = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
    const { tests, pass, fail, cancelled, skipped } = summaryOf(output);
    rows.push(`| ${name} | ${version} | ${tests} | ${pass} | ${fail + cancelled} | ${skipped} |`);
  }
  process.stdout.write(
    `\n| Client | Version | Tests | Passed | Failed | Skipped |\n|---|---|---|---|---|---|\n`,
  );
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

/** What the runner says at its end. */
function summaryOf(output: string): Summary {
  const count = (what: string) => Number(new RegExp(`^ℹ ${what} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  return {
    tests: count("tests"),
    pass: count("pass"),
    fail: count("fail"),
    cancelled: count("cancelled"),
    skipped: count("skipped"),
  };
}
