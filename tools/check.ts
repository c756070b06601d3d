// `npm run check`: everything that can be known without a server, in under a minute.
import { close, runSteps, type Step, testBounds } from "./run.ts";

const node = process.execPath;

// Some tests compute and some wait for programs; Node's own choice would leave a core idle.
export const atOnce = ["--test-concurrency=2"];

export const checks: readonly Step[] = [
  {
    name: "unit",
    command: [node, "--test", ...atOnce, ...testBounds, "packages/**/*.test.ts", "tools/**/*.test.ts"],
    isTests: true,
  },
  { name: "sim", command: [node, "tools/sim.ts"] },
  { name: "types", command: ["node_modules/.bin/tsc", "-p", "."] },
  {
    name: "lint",
    command: ["node_modules/.bin/biome", "check", "--diagnostic-level=warn", "--error-on-warnings", "."],
  },
  { name: "layers", command: [node, "tools/layers.ts"] },
  { name: "tidy", command: [node, "tools/tidy.ts"] },
  { name: "golden", command: [node, "tools/golden.ts", "--check"] },
  { name: "unused", command: ["node_modules/.bin/knip"] },
];

// The unit tests take the longest; the rest is done beside them.
if (import.meta.main) close(await runSteps(checks, 2));
