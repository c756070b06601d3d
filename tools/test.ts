// `./micronova test`: every test. First the checks, then what needs real processes, one file after another,
// since they share the machine's network and volume groups. A file that does not end (a program it started
// outlived a failure) is ended with all it started, and counts as failed.
import { globSync } from "node:fs";
import { basename } from "node:path";
import { checks } from "./check.ts";
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

close(sum([await runSteps(checks, 2), await runSteps(whole, 1)]));
