// The kill matrix with real processes: a cloud that is asked for a story, killed by SIGKILL at exactly one of
// the points that the simulator knows of it, started again, and looked at.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { violations } from "@micronova/cloud";
import { calm, endingOf, type Moment, type Point } from "../simulation/moments.ts";
import { underWay, unexplained } from "../simulation/quiet.ts";
import type { Story } from "../simulation/stories.ts";
import { MortalCloud } from "./mortal-cloud.ts";
import { quietMsMax, RealStage } from "./real-stage.ts";

/** Where a process can be killed: at the request, and at what follows from it. */
export interface KillPoint {
  readonly label: string;
  readonly place: "http" | Point["place"];
  readonly match: Readonly<Record<string, string>>;
  /** Which of the calls that match. */
  readonly nth: number;
}

export interface RealKill {
  readonly point: KillPoint;
  readonly when: "before" | "after";
}

export interface RealCell extends RealKill {
  /** How the operation ended. */
  readonly outcome: "done" | "not begun" | "undone, with the reason";
  /** From when the new process was ready until nothing was under way and the doctor had nothing to say. */
  readonly recoveryMs: number;
  /** What was wrong. */
  readonly findings: readonly string[];
}

export interface Plot {
  readonly story: Story;
  readonly points: readonly KillPoint[];
  /** What the story comes to undisturbed. */
  readonly ending: string;
}

const whens = ["before", "after"] as const;

/** The story's points, as its simulated run has them. */
export async function plotOf(story: Story): Promise<Plot> {
  const { moments, ending } = await calm(story);
  const request: KillPoint = { label: "the request", place: "http", match: { method: "*" }, nth: 1 };
  // Rules do not stand in the way of what operators ask, and the doctor is asked by them.
  const edge = story.asksAgain === true ? [] : [request];
  return { story, points: [...edge, ...pointsOf(moments)], ending };
}

export function killsOf({ points }: Plot): readonly RealKill[] {
  return points.flatMap((point) => whens.map((when) => ({ point, when })));
}

function pointsOf(moments: readonly Moment[]): readonly KillPoint[] {
  const seen = new Map<string, number>();
  return moments.flatMap(({ point, when, label }) => {
    // Calls are seen before and after, commits only after.
    if (point === null || (point.place === "driver" && when === "after")) return [];
    const { place, ...match } = point;
    const key = JSON.stringify(match);
    const nth = (seen.get(key) ?? 0) + 1;
    seen.set(key, nth);
    return [{ label: label.replace(/: before$/, ""), place, match, nth }];
  });
}

/** A cloud in one process, and the user who asks it. */
export class Victim {
  readonly cloud = new MortalCloud(["--virt", "fake", "--fake-hosts", "2", "--faults=1"]);
  readonly stage = this.#newStage();
  #rules = 0;

  async begin(): Promise<void> {
    await this.cloud.up();
    await this.stage.begin();
  }

  async end(): Promise<void> {
    await this.stage.closeStore();
    await this.cloud.destroy();
  }

  /** One cell of the matrix. Whatever the story made is gone afterwards. */
  async killed({ story, ending }: Plot, { point, when }: RealKill): Promise<RealCell> {
    const { stage, cloud } = this;
    const request = await story.begin(stage);
    const before = await endingOf(stage.cloud);
    const rule = await this.#arm(point, when);
    await stage.closeStore();
    const answered = request();
    const isKilled = await this.#dies(rule);
    if (!isKilled) await cloud.kill();
    const answer = await answered;
    await cloud.up();
    const begun = performance.now();
    if (answer === null && story.asksAgain === true) await request();
    const { findings, recoveryMs } = await recovered(stage, begun);
    const { outcome, findings: odd } = await outcomeOf(stage, { ending, before });
    const silent = isKilled ? [] : [`Nothing was killed ${when} ${point.label}.`];
    await stage.clear();
    return { point, when, outcome, recoveryMs, findings: [...silent, ...findings, ...odd] };
  }

  #newStage(): RealStage {
    const { cloud } = this;
    const whileDown = async (work: () => Promise<void>) => {
      await this.stage.closeStore();
      await cloud.kill();
      await work();
      await cloud.up();
    };
    const origin = () => cloud.origin;
    const { dataDir } = cloud;
    return new RealStage({ dataDir, hostsDir: join(dataDir, "hosts"), origin, whileDown });
  }

  async #arm({ place, match, nth }: KillPoint, when: "before" | "after"): Promise<string> {
    const id = `kill-${++this.#rules}`;
    const action = place === "saga" ? { kind: "kill" } : { kind: "kill", moment: when };
    const moment = place === "saga" ? { moment: `${when}-commit` } : {};
    const rule = { id, place, match: { ...match, ...moment }, when: { nth }, action };
    const answer = await this.stage.ask("POST", "/operations/v1/faults", { rules: [rule] }, "admin");
    if (answer?.status !== 201) throw new Error(`no rule: ${JSON.stringify(answer)}`);
    return id;
  }

  /** Whether the process ended by its own SIGKILL, and for this rule. */
  async #dies(rule: string): Promise<boolean> {
    const alive = new AbortController();
    const late = sleep(quietMsMax, "alive", { signal: alive.signal }).catch(() => "alive");
    const ended = await Promise.race([this.cloud.died, late]);
    alive.abort();
    const log = readFileSync(join(this.cloud.dataDir, "log", "faults.log"), "utf8")
      .trim()
      .split("\n");
    return ended === "SIGKILL" && log.at(-1)?.includes(`"rule":"${rule}"`) === true;
  }
}

/** Waits until nothing is under way and all is well; says what is not, if it takes too long. */
export async function recovered(
  stage: RealStage,
  begun: number,
): Promise<Pick<RealCell, "findings" | "recoveryMs">> {
  for (;;) {
    const busy = await underWay(stage);
    const findings = busy.length > 0 ? busy : await findingsOf(stage);
    const recoveryMs = performance.now() - begun;
    if (findings.length === 0 || recoveryMs > quietMsMax) return { findings, recoveryMs };
    await sleep(20);
  }
}

async function findingsOf(stage: RealStage): Promise<readonly string[]> {
  const wrong = [...(await violations(stage.store)), ...(await unexplained(stage))];
  if (wrong.length > 0) return wrong;
  const { findings, unanswered } = await stage.read("/operations/v1/doctor", "admin");
  return [
    ...findings.map(({ text }: { text: string }) => text),
    ...unanswered.map(({ host }: { host: string }) => `${host} does not answer.`),
  ];
}

/** How the story ended. What is neither its end nor its beginning must have a reason. */
export async function outcomeOf(
  stage: RealStage,
  { ending, before }: { readonly ending: string; readonly before: string },
): Promise<Pick<RealCell, "outcome" | "findings">> {
  const after = await endingOf(stage.cloud);
  if (after === ending) return { outcome: "done", findings: [] };
  if (after === before) return { outcome: "not begun", findings: [] };
  // What is in error has a word why, or it was found already.
  const findings = /"error/.test(after) ? [] : [`It ended as ${after}.`];
  return { outcome: "undone, with the reason", findings };
}

export interface Job {
  readonly plot: Plot;
  readonly kill: RealKill;
}

/** Does all the jobs, on so many clouds at once; tells of each when it is done. */
export async function killAll(
  jobs: readonly Job[],
  { clouds, tell }: { readonly clouds: number; readonly tell: (job: Job, cell: RealCell) => void },
): Promise<void> {
  const waiting = [...jobs];
  const lane = async () => {
    let victim = await aVictim();
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const { plot, kill } = job;
      try {
        tell(job, await victim.killed(plot, kill));
      } catch (error) {
        // A finding as well; what comes after it has a cloud that is whole.
        const why = error instanceof Error ? error.message : String(error);
        tell(job, { ...kill, outcome: "not begun", recoveryMs: 0, findings: [why] });
        await victim.end();
        victim = await aVictim();
      }
    }
    await victim.end();
  };
  await Promise.all(Array.from({ length: clouds }, lane));
}

async function aVictim(): Promise<Victim> {
  const victim = new Victim();
  await victim.begin();
  return victim;
}
