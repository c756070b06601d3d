// Runs the suite of the Linux driver in a network namespace of its own, so that it neither disturbs this
// machine nor is disturbed by what other tests do to the machine's network meanwhile.
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "@micronova/kit";
import { suite } from "../../packages/network/drivers/linux/driver.suite.ts";
import { whyNoLinuxHost } from "../../packages/network/drivers/linux/testing.ts";

// Namespaces of guests and the driver's files are under /run, so that is the suite's own as well. The address
// is one that guests must not reach; the default route makes it a machine with an outside.
const prepare = [
  "mount -t tmpfs none /run",
  "ip link set lo up",
  "ip address add 192.0.2.2/32 dev lo",
  "ip link add up0 type veth peer name up1",
  "ip link set up1 up",
  "ip link set up0 up",
  "ip route add default dev up0",
].join(" && ");
const timeoutMs = 90_000;

if (process.argv[2] === "inside") {
  for (const [name, work] of Object.entries(suite)) test(name, { timeout: 30_000 }, work);
} else {
  test("the Linux driver keeps its promises on this kernel", {
    skip: whyNoLinuxHost() ?? false,
  }, async () => {
    const again = [process.execPath, fileURLToPath(import.meta.url), "inside"];
    const script = `${prepare} && exec "$0" "$@"`;
    // The suite is a program of its own, not a part of this test run.
    const env = { NODE_TEST_CONTEXT: "" };
    await run("unshare", ["--net", "--mount", "sh", "-c", script, ...again], { timeoutMs, env });
  });
}
