// The moments of a story: one run of it in which nothing fails says where it can be killed.
import type { Store } from "@micronova/store";
import type { Backstage } from "../support/stage.ts";
import type { SimulatedCloud } from "./cloud.ts";
import { during } from "./scenario.ts";
import { withScene } from "./scene.ts";
import type { Story } from "./stories.ts";
import type { Moment as Effect } from "./world.ts";

/** Before or after one of a story's effects. */
export interface Moment {
  /** Counted from the request. */
  readonly at: number;
  readonly when: "before" | "after";
  readonly label: string;
  /** Null for what no rule of `--faults` can stand at. */
  readonly point: Point | null;
}

/** The commit that records a step of a saga, or the call of a driver, in words that rules have as well. */
export type Point =
  | { readonly place: "saga"; readonly saga: string; readonly step: string; readonly event: string }
  | { readonly place: "driver"; readonly driver: string; readonly method: string };

/** What an undisturbed run is like. */
export interface Calm {
  readonly moments: readonly Moment[];
  /** What it comes to. */
  readonly ending: string;
}

// Every run of a story is the same up to the kill.
export const storySeed = 1;

export async function calm(story: Story): Promise<Calm> {
  return withScene({ seed: storySeed }, async (scene) => {
    const { cloud } = scene;
    const request = await story.begin(scene);
    const recorder = new Recorder(cloud, await factsOf(cloud.store));
    cloud.world.watch = (effect) => recorder.see(effect);
    await during(cloud, request());
    await scene.quiet();
    cloud.world.watch = null;
    const moments = await recorder.moments();
    await scene.sound();
    return { moments, ending: await endingOf(cloud) };
  });
}

class Recorder {
  readonly #cloud: SimulatedCloud;
  readonly #first: number;
  readonly #seen: Promise<readonly Moment[]>[] = [];
  #facts: Facts;
  #isBegun = false;

  constructor(cloud: SimulatedCloud, facts: Facts) {
    this.#cloud = cloud;
    this.#first = cloud.world.effects;
    this.#facts = facts;
  }

  see(moment: Effect): void {
    const { effect } = moment;
    const at = moment.at - this.#first;
    // What a commit changed is known when it is done, and before anything else can happen.
    if (effect === "commits") moment.afterwards = () => void this.#seen.push(this.#committed(at));
    // What a request asks before it records anything leaves nothing behind.
    else if (this.#isBegun) this.#seen.push(Promise.resolve(momentsOf(at, effect)));
  }

  async moments(): Promise<readonly Moment[]> {
    return (await Promise.all(this.#seen)).flat();
  }

  async #committed(at: number): Promise<readonly Moment[]> {
    const before = this.#facts;
    this.#facts = await factsOf(this.#cloud.store);
    const change = [...this.#facts].filter(([fact]) => !before.has(fact)).map(([, fact]) => fact);
    if (change.length === 0) return [];
    const label = change.map(({ word }) => word).join(", ");
    const point = change.find((fact) => fact.point !== null)?.point ?? null;
    const after: Moment = { at, when: "after", label, point };
    if (this.#isBegun) return [after];
    this.#isBegun = true;
    return [{ at, when: "before", label: "nothing is recorded", point: null }, after];
  }
}

// Sent by everybody all the time.
const background = /ping|heartbeat|report_|announce|refresh|wake|news|beat|answer/;

function momentsOf(at: number, effect: string): readonly Moment[] {
  if (background.test(effect)) return [];
  if (effect.startsWith("sends "))
    return [{ at, when: "after", label: `${calledIn(effect)}: asked`, point: null }];
  if (!/^(virt|volume|network|image) /.test(effect)) return [];
  const what = effect.replace(/ [0-9a-f-]{36}$/, "").trim();
  const [driver = "", method = ""] = what.split(" ");
  const point = { place: "driver", driver, method } as const;
  return [
    { at, when: "before", label: `${what}: before`, point },
    { at, when: "after", label: `${what}: done`, point },
  ];
}

/** `compute spawn`, whichever host it is. */
function calledIn(effect: string): string {
  return effect.replace("sends ", "").replace(/\.\S+/, "");
}

const wordOf = {
  started: "begun",
  succeeded: "done",
  failed: "failed",
  undoing: "being undone",
  undone: "undone",
} as const;

type Facts = ReadonlyMap<string, { readonly word: string; readonly point: Point | null }>;

/** What the logs of sagas and the rows of uploads say so far, by a name for each fact. */
export async function factsOf({ read }: Pick<Store, "read">): Promise<Facts> {
  const sagas = await read
    .selectFrom("sagas")
    .select(["id", "name", "state"])
    .orderBy("created_at")
    .execute();
  const events = await read
    .selectFrom("saga_events")
    .select(["saga_id", "n", "step", "type"])
    .orderBy("n")
    .execute();
  const images = await read.selectFrom("images").select(["id", "status"]).execute();
  const names = new Map(sagas.map(({ id, name }) => [id, name]));
  const facts = new Map<string, { readonly word: string; readonly point: Point | null }>();
  const tell = (fact: string, word: string, point: Point | null = null) => facts.set(fact, { word, point });
  for (const { id } of sagas) tell(id, "recorded");
  for (const { saga_id, n, step, type } of events)
    tell(`${saga_id} ${n}`, `${step} ${wordOf[type]}`, {
      place: "saga",
      saga: names.get(saga_id) ?? "",
      step,
      event: type,
    });
  for (const { id, state } of sagas) if (state === "finished") tell(`${id} ended`, "finished");
  for (const { id, status } of images) tell(`${id} ${status}`, `image ${status}`);
  return facts;
}

/** How servers, volumes, attachments, cards and images are: what a story comes to. */
export async function endingOf({
  store: { read },
  hosts,
}: Pick<Backstage, "store" | "hosts">): Promise<string> {
  const servers = await read
    .selectFrom("servers")
    .select(["vm_state", "power_state"])
    .where("deleted_at", "is", null)
    .execute();
  const volumes = await read.selectFrom("volumes").select(["status", "size"]).execute();
  const cards = await read.selectFrom("server_interfaces").select("position").execute();
  const images = await read.selectFrom("images").select(["status"]).execute();
  const guests = await Promise.all(hosts.map(({ virt }) => virt.list()));
  const powers = guests.flat().map(({ power, volumes: disks }) => ({ power, disks: disks.length }));
  const sorted = [servers, volumes, cards, images, powers].map((all) =>
    all.map((one) => JSON.stringify(one)).toSorted(),
  );
  return JSON.stringify(sorted);
}
