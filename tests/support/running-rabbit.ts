// RabbitMQ of the test's own, from Debian's package: nodes as child processes on free ports of the loopback,
// with a name server (epmd), a cookie and directories of their own. A system service of the same package, if
// there is one, is neither used nor touched.
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { type ProgramResult, program } from "./running-cloud.ts";

export interface RabbitOptions {
  /** Such as `rabbitmq_management`. */
  readonly plugins?: readonly string[];
  /** More lines of rabbitmq.conf. */
  readonly config?: string;
}

export interface RunningRabbit {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** Answers when the plugin `rabbitmq_management` is on. */
  readonly managementPort: number;
  /** Its pid while it runs. */
  pid(): number | null;
  /** Runs rabbitmqctl on it; never rejects for a failing status. */
  control(...args: string[]): Promise<ProgramResult>;
  /** Ends it without a word (SIGKILL); resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again, with the data and the ports it had. */
  start(): Promise<void>;
  /** Ends it for good, with everything that was made for it. */
  stop(): Promise<void>;
}

export interface RabbitCluster {
  readonly nodes: readonly RunningRabbit[];
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

const programs = "/usr/lib/rabbitmq/bin";
/** False, or why there is none: a reason to skip a test. */
export const rabbitMissing: string | false = existsSync(join(programs, "rabbitmq-server"))
  ? false
  : "the package rabbitmq-server is not installed";

// A node takes about five seconds alone on a core; three at once, beside other tests, many times that.
const startWithinMs = 180_000;
const pollMs = 50;

/** One broker; its user is guest, its virtual host /. */
export async function startRabbit(options: RabbitOptions = {}): Promise<RunningRabbit> {
  const { nodes, stop } = await startRabbitCluster(1, options);
  return { ...nodes[0]!, stop };
}

/** So many nodes of one cluster. Each is killed and started alone; `stop` ends all. */
export async function startRabbitCluster(count = 3, options: RabbitOptions = {}): Promise<RabbitCluster> {
  const dir = mkdtempSync(join(tmpdir(), "micronova-rabbit-"));
  writeFileSync(join(dir, ".erlang.cookie"), "onlyForThisTest", { mode: 0o600 });
  const epmdPort = await freePort();
  const epmd = bound(["epmd", "-address", "127.0.0.1", "-port", String(epmdPort)], { cwd: dir });
  const names = Array.from({ length: count }, (_, n) => `rabbit${n + 1}@localhost`);
  const nodes: RunningRabbit[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    await ended(epmd);
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    for (const name of names) nodes.push(await node({ dir, epmdPort, name, names, options }));
    // The others find the first and join it.
    await nodes[0]!.start();
    await Promise.all(nodes.slice(1).map((other) => other.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, urls: nodes.map(({ url }) => url), stop };
}

interface NodeDeps {
  readonly dir: string;
  readonly epmdPort: number;
  readonly name: string;
  /** All nodes of its cluster. */
  readonly names: readonly string[];
  readonly options: RabbitOptions;
}

async function node(deps: NodeDeps): Promise<RunningRabbit> {
  const { name } = deps;
  const dir = join(deps.dir, name);
  const [port, managementPort, distributionPort] = [await freePort(), await freePort(), await freePort()];
  mkdirSync(dir);
  writeFileSync(join(dir, "enabled_plugins"), `[${(deps.options.plugins ?? []).join(",")}].\n`);
  writeFileSync(join(dir, "rabbitmq.conf"), configuration(deps, { port, managementPort }));
  const env = environment(deps, dir, distributionPort);
  let child: ChildProcess | null = null;
  const kill = async () => {
    if (child !== null) await ended(child);
    child = null;
  };
  return {
    name,
    port,
    managementPort,
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    pid: () => child?.pid ?? null,
    control: (...args) => program(join(programs, "rabbitmqctl"), ["--node", name, ...args], env),
    kill,
    async start() {
      if (child !== null) throw new Error(`${name} runs already`);
      child = bound([join(programs, "rabbitmq-server")], { cwd: dir, env });
      try {
        await answering(child, port);
      } catch (error) {
        await kill();
        throw new Error(`${name}: ${readFileSync(join(dir, "output"), "utf8")}`, { cause: error });
      }
    },
    stop: kill,
  };
}

interface Ports {
  readonly port: number;
  readonly managementPort: number;
}

function configuration({ names, options }: NodeDeps, { port, managementPort }: Ports): string {
  return [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    ...(options.plugins?.includes("rabbitmq_management") === true
      ? ["management.tcp.ip = 127.0.0.1", `management.tcp.port = ${managementPort}`]
      : []),
    "cluster_formation.peer_discovery_backend = classic_config",
    ...names.map((name, n) => `cluster_formation.classic_config.nodes.${n + 1} = ${name}`),
    options.config ?? "",
    "",
  ].join("\n");
}

function environment({ dir: home, epmdPort, name }: NodeDeps, dir: string, distributionPort: number) {
  return {
    HOME: home,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_NODENAME: name,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(dir, "mnesia"),
    RABBITMQ_LOG_BASE: join(dir, "log"),
    RABBITMQ_CONFIG_FILE: join(dir, "rabbitmq.conf"),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, "advanced.config"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, "enabled_plugins"),
    // What the machine's own service is configured with is not for us.
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    // Makes the script become the node rather than watch over it: the pid is the node's, a kill is a kill.
    RUNNING_UNDER_SYSTEMD: "true",
  };
}

const withParent = ["setpriv", "--pdeathsig", "KILL"];

/** Starts a program that does not outlive this process, however this process ends. */
function bound(
  command: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): ChildProcess {
  const output = openSync(join(options.cwd, "output"), "a");
  const [program = "", ...args] = [...withParent, ...command];
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  return child;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resolve();
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

/** Resolves when the port speaks AMQP; rejects when its process ends before, or never gets so far. */
async function answering(child: ChildProcess, port: number): Promise<void> {
  const until = performance.now() + startWithinMs;
  while (!(await speaksAmqp(port))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("it ended while it started");
    if (performance.now() > until) throw new Error(`it did not answer within ${startWithinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function speaksAmqp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const is = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => socket.write("AMQP\0\0\x09\x01", "latin1"));
    // The first frame is a method's, connection.start.
    socket.once("data", (bytes) => is(bytes[0] === 1));
    socket.once("error", () => is(false));
    socket.once("close", () => is(false));
  });
}
