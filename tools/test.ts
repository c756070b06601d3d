// `./micronova test`: every test. First the checks, then what needs real processes, one file after another,
// since they share the machine's network and volume groups.
import { checks } from "./check.ts";
import { close, runSteps, sum, testBounds } from "./run.ts";

const whole = [
  {
    name: "whole",
    command: [process.execPath, "--test", "--test-concurrency=1", ...testBounds, "tests/**/*.test.ts"],
    isTests: true,
  },
] as const;

close(sum([await runSteps(checks, 2), await runSteps(whole, 1)]));
