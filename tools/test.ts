// `./micronova test`: every test. First the checks, then the packages' tests again on PostgreSQL, then what
// needs real processes, one file after another, since they share the machine's network and volume groups. A
// file that does not end (a program it started outlived a failure) is ended with all it started, and counts
// as failed.
import { globSync } from "node:fs";
import { basename } from "node:path";
import { postgresMissing, startPostgres } from "../tests/support/running-postgres.ts";
import { atOnce, checks } from "./check.ts";
import { close, runSteps, type Step, sum, testBounds } from "./run.ts";
import { root } from "./sources.ts";

// Many times what the longest takes on a calm machine.
const fileBounds = ["timeout", "--kill-after=10", "900"] as const;

const whole = globSync("tests/**/*.test.ts", { cwd: root })
  .sort()
  .map((path): Step => {
    const command = [...fileBounds, process.execPath, "--test", ...testBounds, path] as const;
    return { name: basename(path, ".test.ts"), command, isTests: true };
  });

// What keeps its tables in the store; the store's own tests try both engines anyway.
const storing =
  "packages/{saga,faults,operations,identity,image,placement,network,volume,compute}/**/*.test.ts";

/** The packages' tests once more, on the other engine. */
async function onPostgres() {
  if (postgresMissing !== false) {
    process.stdout.write(`skip postgresql: ${postgresMissing}\n`);
    return sum([]);
  }
  const server = await startPostgres({ syncs: false });
  try {
    const command = ["env", `MICRONOVA_TEST_STORE=${server.socketUrl}`, process.execPath, "--test"] as const;
    const step: Step = {
      name: "postgresql",
      command: [...command, ...atOnce, ...testBounds, storing],
      isTests: true,
    };
    return await runSteps([step], 1);
  } finally {
    await server.destroy();
  }
}

close(sum([await runSteps(checks, 2), await onPostgres(), await runSteps(whole, 1)]));
