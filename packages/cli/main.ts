// The command line: parses, runs one command, and turns what goes wrong into one sentence and an exit status.
import { isFault } from "@micronova/kit";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { defaultDataDir } from "./data-dir.ts";
import { ruleFlags } from "./fault-flags.ts";
import { formatOption } from "./table.ts";

const program = new Command("micronova")
  .description("A whole OpenStack-compatible private cloud that starts with one command.")
  .exitOverride()
  .showHelpAfterError("Run `micronova --help` to see what there is.")
  .addOption(new Option("--no-install", "install nothing; say what is missing instead"));

// In words, so that the help is the same for everybody.
const dirText = "/var/lib/micronova as root, micronova in the XDG data directory otherwise";
const dataDir = () =>
  new Option("--data-dir <dir>", "where everything that must last is kept").default(
    defaultDataDir(),
    dirText,
  );

program
  .command("demo")
  .description("boot a real server, write to a volume, delete the server, read the data back from another")
  .addOption(
    new Option("--data-dir <dir>", "the demo's own cloud").default(
      `${defaultDataDir()}-demo`,
      `${dirText}, with -demo`,
    ),
  )
  .option("--port <n>", "the port of its APIs", "8774")
  .option("--stop", "take the demo's cloud down and leave nothing behind")
  .action(async (options) => (await import("./commands/demo.ts")).demo(options, installs()));

program
  .command("test")
  .description("run every test, installing what each needs")
  .action(async () => (await import("./commands/test.ts")).test(installs()));

program
  .command("up")
  .description("start the cloud in one process")
  .addOption(dataDir())
  .option("--config <file>", "configuration in TOML")
  .option("--listen <address>", "the address its APIs answer on (127.0.0.1)")
  .option("--port <n>", "their port (8774; 0 takes a free one)")
  .addOption(new Option("--virt <driver>", "real or fake guests (auto)").choices(["auto", "qemu", "fake"]))
  .option("--fake-hosts <n>", "how many hosts the fake driver plays")
  .option("--fake-delay <ms>", "how long each action of the fake driver takes")
  .option("--insecure", "allow another address than loopback without TLS")
  .option("--ephemeral", "keep nothing after the end")
  .option("--faults [seed]", "let fault rules be added, with chance drawn from the seed (1)")
  .option("--detach", "return when it is ready, and leave it running")
  .action(async (options) => (await import("./commands/up.ts")).up(options, installs()));

program
  .command("serve")
  .description(
    "run some of a cloud's roles in this process: for more than one machine, or more than one of each",
  )
  .requiredOption(
    "--role <roles>",
    "one or several, by commas: api, conductor, scheduler, compute, volume, network, broker",
  )
  .option("--config <file>", "configuration in TOML, the same for all processes of the cloud")
  .addOption(dataDir())
  .option(
    "--name <host>",
    "what this machine is called in the cloud (what it calls itself); kept in the data directory",
  )
  .option(
    "--health <address:port>",
    "where it tells whether it lives and is ready, and its metrics; 0 takes a free port",
  )
  .option("--listen <address>", "the address its APIs answer on (127.0.0.1)")
  .option("--port <n>", "their port (8774; 0 takes a free one)")
  .addOption(new Option("--virt <driver>", "real or fake guests (auto)").choices(["auto", "qemu", "fake"]))
  .option("--fake-hosts <n>", "how many hosts the fake driver plays, named after this machine")
  .option("--fake-delay <ms>", "how long each action of the fake driver takes")
  .option("--insecure", "allow another address than loopback without TLS")
  .option("--detach", "return when it has started, and leave it running")
  .action(async (options) => (await import("./commands/serve.ts")).serve(options));

const host = program.command("host").description("the machines of a cloud");

host
  .command("token")
  .description("print a token that lets one host join; give it to `micronova join` there")
  .addOption(dataDir())
  .option("--host <name>", "the only name it is good for (any)")
  .option("--role <roles>", "what the host will be: compute, network, volume, by commas", "compute,network")
  .option("--minutes <n>", "how long it is good for", "60")
  .option("--url <url>", "where the host reaches the APIs (as the administrator does)")
  .action(async (options) => (await import("./commands/host.ts")).hostToken(options, installs()));

host
  .command("list")
  .description("list the hosts that joined")
  .addOption(dataDir())
  .addOption(formatOption())
  .action(async (options) => (await import("./commands/host.ts")).hostList(options));

host
  .command("remove <name>")
  .description("forget a host whose servers are gone, and end what it may do on the bus")
  .addOption(dataDir())
  .action(async (name, options) => (await import("./commands/host.ts")).hostRemove(name, options));

program
  .command("store")
  .description("where a cloud keeps its tables")
  .command("move")
  .description("take a stopped cloud's tables from SQLite to an empty database of PostgreSQL")
  .addOption(dataDir())
  .addOption(formatOption())
  .requiredOption("--to <url>", "postgres://user:password@host:5432/database")
  .action(async (options) => (await import("./commands/store.ts")).storeMove(options));

program
  .command("join <token>")
  .description("make this machine a host of a cloud, and run its workers")
  .addOption(dataDir())
  .option("--name <host>", "what this machine is called in the cloud (what it calls itself)")
  .option("--health <address:port>", "where it tells whether it lives and is ready, and its metrics")
  .addOption(new Option("--virt <driver>", "real or fake guests (auto)").choices(["auto", "qemu", "fake"]))
  .option("--fake-hosts <n>", "how many hosts the fake driver plays, named after this machine")
  .option("--no-start", "only write the configuration, and say how to start")
  .action(async (token, options) => (await import("./commands/join.ts")).join(token, options, installs()));

program
  .command("certificate <host>")
  .description("make a certificate for a host of the cloud, by which the other hosts know it")
  .addOption(dataDir())
  .action(async (host, options) =>
    (await import("./commands/certificate.ts")).certificate(host, options, installs()),
  );

program
  .command("down")
  .description("stop the cloud; guests go on and are found again")
  .addOption(dataDir())
  .option("--destroy", "also remove guests, volumes, networks and the data directory")
  .option("--yes", "do not ask before destroying")
  .action(async (options) => (await import("./commands/down.ts")).down(options));

program
  .command("status")
  .description("say how the cloud is")
  .addOption(dataDir())
  .action(async (options) => (await import("./commands/status.ts")).status(options));

program
  .command("env")
  .description('print the variables for eval "$(micronova env)"')
  .addOption(dataDir())
  .action(async (options) => (await import("./commands/env.ts")).env(options));

program
  .command("doctor")
  .description("say what is not as it must be, and mend it")
  .addOption(dataDir())
  .addOption(formatOption())
  .option("--fix", "show what would mend it and, when confirmed, start that")
  .option("--dry-run", "with --fix, only show it")
  .option("--yes", "with --fix, do not ask")
  .action(async (options) => (await import("./commands/doctor.ts")).doctor(options));

const saga = program.command("saga").description("what the cloud is doing, step by step");

saga
  .command("list")
  .description("list sagas, the newest first")
  .addOption(dataDir())
  .addOption(formatOption())
  .option("--state <state>", "only those in this state, such as running or stuck")
  .option("--subject <id>", "only those of this server, volume or other thing")
  .option("--name <name>", "only those of this kind, such as server-create")
  .option("--limit <n>", "how many", "50")
  .action(async (options) => (await import("./commands/saga.ts")).listSagas(options));

saga
  .command("show <id>")
  .description("show every step a saga took")
  .addOption(dataDir())
  .addOption(formatOption())
  .action(async (id, options) => (await import("./commands/saga.ts")).showSaga(id, options));

saga
  .command("retry <id>")
  .description("try an undo that fails again now")
  .addOption(dataDir())
  .addOption(formatOption())
  .action(async (id, options) => (await import("./commands/saga.ts")).moveSaga("retry", id, options));

saga
  .command("abandon <id>")
  .description("go on without an undo that fails, when you have seen to it yourself")
  .addOption(dataDir())
  .addOption(formatOption())
  .action(async (id, options) => (await import("./commands/saga.ts")).moveSaga("abandon", id, options));

program
  .command("trace <request>")
  .description("show what became of a request: its sagas, their steps, what each did on which host")
  .addOption(dataDir())
  .addOption(
    new Option("-f, --format <format>", "how to print it").choices(["table", "json"]).default("table"),
  )
  .action(async (request, options) => (await import("./commands/trace.ts")).trace(request, options));

const fault = program
  .command("fault")
  .description("what goes wrong on purpose, in a cloud that was started with --faults");

const addition = fault
  .command("add [place] [action]")
  .description(
    "add a rule: http delay|answer|drop|truncate, bus lose|repeat|delay|reorder|freeze|away, " +
      "store delay|refuse|lose-answer, driver delay|fail|hang, clock jump, saga kill",
  )
  .addOption(dataDir())
  .addOption(formatOption())
  .option("--file <file>", "rules as JSON instead, all of them or none")
  .option("--id <id>", "the rule's name, which its answers carry in x-micronova-fault");
for (const flags of Object.values(ruleFlags))
  for (const [flag, description] of Object.entries(flags))
    addition.option(`--${flag} <${flag}>`, description);
addition
  .option("--moment <moment>", "before or after the work is done; of a saga, before-commit or after-commit")
  .action(async (place, action, options) =>
    (await import("./commands/fault.ts")).addFault(place, action, options),
  );

fault
  .command("list")
  .description("list the rules, how many calls each matched, and at how many it acted")
  .addOption(dataDir())
  .addOption(formatOption())
  .action(async (options) => (await import("./commands/fault.ts")).listFaults(options));

fault
  .command("remove <id>")
  .description("remove a rule; what it holds goes on")
  .addOption(dataDir())
  .action(async (id, options) => (await import("./commands/fault.ts")).removeFault(id, options));

fault
  .command("clear")
  .description("remove all rules")
  .addOption(dataDir())
  .action(async (options) => (await import("./commands/fault.ts")).clearFaults(options));

fault
  .command("log")
  .description("show what rules did, oldest first")
  .addOption(dataDir())
  .addOption(formatOption())
  .option("--limit <n>", "how many of the latest", "1000")
  .action(async (options) => (await import("./commands/fault.ts")).showFaultLog(options));

const bus = program
  .command("bus")
  .description("the message bus on its own: AMQP 0-9-1, as RabbitMQ speaks it");

bus
  .command("serve")
  .description("serve it to any client, and keep what is durable")
  .addOption(dataDir())
  .option("--listen <address>", "the address it answers on", "127.0.0.1")
  .option("--port <n>", "its port; 0 takes a free one", "5672")
  .option("--insecure", "allow another address than loopback without TLS")
  .option("--memory-limit <MB>", "hold publishers while it takes more memory (two fifths of the machine's)")
  .option("--disk-free-limit <MB>", "hold publishers while less is free on the disk of its data (50)")
  .option("--tls-cert <file>", "serve TLS too, with this certificate; then only TLS leaves loopback")
  .option("--tls-key <file>", "the certificate's key")
  .option("--tls-ca <file>", "the authority whose certificates clients must show")
  .option("--tls-port <n>", "the port for TLS; 0 takes a free one", "5671")
  .option("--management-port <n>", "the port of its management API (15672, or a free one if that is taken)")
  .option("--no-management", "do without its management API, which saves ten megabytes")
  .action(async (options) => (await import("./commands/bus.ts")).serveBus(options));

const busLists = {
  queues: "list queues",
  exchanges: "list exchanges",
  bindings: "list what leads from exchanges to queues and other exchanges",
  connections: "list connections of clients",
  channels: "list channels of connections",
  consumers: "list who consumes from queues",
} as const;
const urlOption = () =>
  new Option("--url <url>", "its management API, as http://user:password@host:15672; also a RabbitMQ's");

for (const [what, description] of Object.entries(busLists)) {
  bus
    .command(`${what} [columns...]`)
    .description(description)
    .addOption(dataDir())
    .addOption(urlOption())
    .addOption(formatOption())
    .option("--vhost <name>", "the virtual host it is in", "/")
    .action(async (columns, options) =>
      // The names of the commands are those of the lists.
      (await import("./commands/bus-list.ts")).listBus(what as keyof typeof busLists, columns, options),
    );
}

bus
  .command("status")
  .description("say how the bus is")
  .addOption(dataDir())
  .addOption(urlOption())
  .addOption(formatOption())
  .action(async (options) => (await import("./commands/bus-status.ts")).busStatus(options));

const installs = (): boolean => program.opts()["install"] !== false;

try {
  // `--no-install` may stand anywhere on the line; the launcher has looked at it already.
  const words = process.argv.slice(2);
  const rest = words.filter((word) => word !== "--no-install");
  await program.parseAsync(words.length === rest.length ? rest : ["--no-install", ...rest], { from: "user" });
} catch (error) {
  // At once, as after `up`: calls of a cloud that could not start may still wait for answers that will not come.
  process.exit(fail(error));
}

/** 2 for a wrong command line, 1 for everything else; help asked for is no failure. */
function fail(error: unknown): number {
  // Commander has said what is wrong with the line, but for what a command found itself.
  if (error instanceof InvalidArgumentError) process.stderr.write(`micronova: ${error.message}\n`);
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const isExpected = isFault(error) || (error instanceof Error && error.name === "ApiError");
  // A Fault is a sentence for people; anything else is a defect, whose trace is needed.
  const text = error instanceof Error ? (isExpected ? error.message : error.stack) : String(error);
  process.stderr.write(`micronova: ${text}\n`);
  return 1;
}
