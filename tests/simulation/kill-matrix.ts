// The kill matrix: for each story, each of its moments and each role, the role's processes are killed there
// and started again a second later. Within half a minute nothing may be under way any more, and everything
// must be as it must be.
import type { Millis } from "@micronova/kit";
import type { SimulatedCloud } from "./cloud.ts";
import { calm, endingOf, type Moment, storySeed } from "./moments.ts";
import { findings, untilQuiet } from "./quiet.ts";
import { during } from "./scenario.ts";
import { withScene } from "./scene.ts";
import type { Story } from "./stories.ts";

export const killedRoles = [
  "api",
  "conductor",
  "scheduler",
  "compute",
  "network",
  "volume",
  "broker",
  "all",
] as const;
export type KilledRole = (typeof killedRoles)[number];

export interface Cell {
  readonly role: KilledRole;
  /** From the restart until nothing was under way. */
  readonly recoveryMs: Millis;
  /** Whether the story ended as it does undisturbed; else it was undone, or never begun. */
  readonly isSame: boolean;
  /** What was wrong. */
  readonly findings: readonly string[];
}

export interface Row {
  readonly moment: Moment;
  readonly cells: readonly Cell[];
}

export const recoveryMsMax: Millis = 30_000;
const restartMs: Millis = 1_000;
// A user whose connection broke waits until the API is there again.
const askAgainMs: Millis = 2_000;
// Nothing that needs reconcilers is left by a kill, but hosts may have to report once.
const lookAfterMs: Millis = 25_000;

/** What happens to a story at each of its moments, for each role. */
export async function killMatrixOf(story: Story): Promise<readonly Row[]> {
  const { moments, ending } = await calm(story);
  const rows: Row[] = [];
  for (const moment of moments) {
    const cells: Cell[] = [];
    for (const role of killedRoles) cells.push(await killed(story, { kills: [{ moment, role }], ending }));
    rows.push({ moment, cells });
  }
  return rows;
}

// A story with fewer moments than this is killed in pairs as well.
const shortMax = 8;
// How many effects after the first kill the second comes: while processes start, and when they go on.
const laterEffects = [1, 3, 8, 21] as const;
const rolePairs: readonly (readonly [KilledRole, KilledRole])[] = [
  ["all", "all"],
  ["conductor", "conductor"],
  ["conductor", "compute"],
  ["compute", "conductor"],
  ["volume", "conductor"],
  ["broker", "conductor"],
];

export interface Pairs {
  readonly runs: number;
  readonly recoveryMs: Millis;
  /** What was wrong, with the pair that shows it. */
  readonly findings: readonly string[];
}

/** The story killed at each of its moments and once more soon after, if it is short; null if it is not. */
export async function killedInPairs(story: Story): Promise<Pairs | null> {
  const { moments, ending } = await calm(story);
  if (moments.length > shortMax) return null;
  const found: string[] = [];
  let [runs, recoveryMs] = [0, 0];
  for (const moment of moments)
    for (const later of laterEffects)
      for (const [one, other] of rolePairs) {
        const second: Kill = { moment: { at: moment.at + later, when: "before" }, role: other };
        const cell = await killed(story, { kills: [{ moment, role: one }, second], ending });
        recoveryMs = Math.max(recoveryMs, cell.recoveryMs);
        runs++;
        const where = `${one} at "${moment.label}", ${other} ${later} effects later`;
        found.push(...cell.findings.map((text) => `${where}: ${text}`));
      }
  return { runs, recoveryMs, findings: found };
}

export interface Kill {
  readonly moment: Pick<Moment, "at" | "when">;
  readonly role: KilledRole;
}

export async function killed(
  story: Story,
  { kills, ending }: { readonly kills: readonly [Kill, ...Kill[]]; readonly ending: string },
): Promise<Cell> {
  return withScene({ seed: storySeed }, async (scene) => {
    const { cloud } = scene;
    const request = await story.begin(scene);
    const first = cloud.world.effects;
    const waiting = [...kills];
    const restarted = Promise.withResolvers<void>();
    let restartedAt = 0;
    const strike = ({ role }: Kill) => {
      kill(cloud, role);
      cloud.world.clock.wakeIn(restartMs, () => {
        restart(cloud);
        restartedAt = cloud.world.clock.now();
        restarted.resolve();
      });
    };
    cloud.world.watch = (moment) => {
      const [next] = waiting;
      if (next === undefined || moment.at - first < next.moment.at) return;
      waiting.shift();
      if (next.moment.when === "before") strike(next);
      else moment.afterwards = () => strike(next);
    };
    const answer = await during(cloud, request());
    await during(cloud, restarted.promise);
    if (answer === null && story.asksAgain === true) {
      await cloud.run(askAgainMs);
      await during(cloud, request());
    }
    const { stuck } = await untilQuiet(cloud);
    // A second kill whose moment did not come before the end does not come after it.
    cloud.world.watch = null;
    const recoveryMs = Math.max(0, cloud.world.clock.now() - restartedAt);
    const found = stuck.length > 0 ? stuck : await findings(cloud, lookAfterMs);
    const late = recoveryMs > recoveryMsMax ? [`It took ${recoveryMs / 1000} s.`] : [];
    const isSame = (await endingOf(cloud)) === ending;
    const { role } = kills[0];
    return { role, recoveryMs, isSame, findings: [...cloud.world.complaints, ...found, ...late] };
  });
}

function kill(cloud: SimulatedCloud, role: KilledRole): void {
  cloud.world.note("matrix", `kills ${role}`);
  if (role === "broker" || role === "all") void cloud.cable.stop();
  for (const process of cloud.processes.values())
    if (role === "all" || process.name.split(/[-.]/)[0] === role) process.kill();
}

function restart(cloud: SimulatedCloud): void {
  if (cloud.cable.broker === null) cloud.cable.start();
  for (const process of cloud.processes.values()) process.start();
}
