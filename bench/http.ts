// How many authenticated requests a second one core answers over a real socket: `node bench/http.ts
// [seconds]`. The client runs in a second process, so that the server has a core to itself.
import { spawn } from "node:child_process";
import { Agent, request } from "node:http";
import { listen, novaDialect, routesOf, service } from "@micronova/http";
import { testAuthenticator } from "@micronova/http/testing";
import { metricsRegistry, silentLog, systemClock, systemRandom } from "@micronova/kit";

const [, , argument = "4", portText] = process.argv;
if (portText === undefined) await serve(Number(argument));
else await ask(Number(argument), Number(portText));

async function serve(seconds: number): Promise<void> {
  const route = routesOf<object>();
  const show = route({
    method: "GET",
    path: "/things/:id",
    policy: "things:show",
    success: 200,
    summary: "Shows a thing.",
    handle: async ({ params }) => ({ thing: { id: params["id"], name: "a thing", status: "ACTIVE" } }),
  });
  const things = service<object>({
    name: "things",
    routes: [show],
    deps: {},
    policies: { "things:show": "reader" },
    dialect: novaDialect,
    authenticator: testAuthenticator(),
    history: { serviceType: "compute", min: "2.1", max: "2.104", changes: {} },
  });
  const platform = { clock: systemClock, random: systemRandom, log: silentLog, metrics: metricsRegistry() };
  const server = listen(platform, { host: "127.0.0.1", port: 0, services: { "/compute/v2.1": things } });
  await server.start();
  const before = process.cpuUsage();
  const client = spawn(process.execPath, [import.meta.filename, String(seconds), String(server.port)]);
  let said = "";
  client.stdout.on("data", (chunk) => (said += chunk));
  client.stderr.pipe(process.stderr);
  await new Promise((resolve) => client.on("close", resolve));
  const used = process.cpuUsage(before);
  const count = Number(said);
  const cpuSeconds = (used.user + used.system) / 1e6;
  const perSecond = Math.round(count / seconds);
  const perCore = Math.round(count / cpuSeconds);
  process.stdout.write(
    `${count} requests in ${seconds} s: ${perSecond}/s; ${perCore}/s per core of the server\n`,
  );
  await server.stop();
}

/** Keeps as many requests in flight as one agent's connections; prints how many were answered. */
async function ask(seconds: number, port: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const until = systemClock.monotonic() + seconds * 1000;
  let count = 0;
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const headers = { "x-auth-token": "member", "openstack-api-version": "compute 2.79" };
      const sent = request(
        { agent, port, host: "127.0.0.1", path: "/compute/v2.1/things/t1", headers },
        (answer) => {
          if (answer.statusCode !== 200) reject(new Error(`The server answered ${answer.statusCode}.`));
          answer.on("end", () => resolve()).resume();
        },
      );
      sent.on("error", reject).end();
    });
  const worker = async () => {
    for (; systemClock.monotonic() < until; count++) await one();
  };
  await Promise.all(Array.from({ length: 32 }, worker));
  process.stdout.write(String(count));
  agent.destroy();
}
