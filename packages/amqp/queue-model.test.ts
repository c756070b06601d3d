// A queue against a simple model: whatever is published, got, consumed, settled, purged, expired, overflown,
// restarted and killed, what it gives out, holds and buries is the model's. It pages after a few messages and
// changes segments after a few more. MODEL_RUNS says how many stories are told, MODEL_SEED which.
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Millis, type Random, type Service, seededRandom } from "@micronova/kit";
import { testPlatform, type VirtualClock, virtualClock } from "@micronova/kit/testing";
import { propertiesOf } from "./codec/properties.ts";
import type { Table } from "./codec/table.ts";
import { type Content, contentOfBytes, Label } from "./content.ts";
import { Broker, persistence } from "./index.ts";
import type { Entry, QueueConsumer } from "./queue/entry.ts";
import type { MessageQueue } from "./queue/message-queue.ts";
import type { DeathReason } from "./queue/queue-deps.ts";
import { refused } from "./virtual-host.ts";

const runs = Number(process.env["MODEL_RUNS"] ?? 20);
const firstSeed = Number(process.env["MODEL_SEED"] ?? 1);
const steps = 80;
const storage = {
  segmentBytes: 2_000,
  paging: { frontMax: 4, frontBytesMax: 1_000, pageMax: 3, pageBytesMax: 400 },
};

const root = mkdtempSync(join(tmpdir(), "queue-model-"));
after(() => rmSync(root, { recursive: true, force: true }));
let dirs = 0;
const newDir = () => join(root, String(++dirs));

/** What the model knows of a message. */
interface Known {
  readonly body: number;
  readonly size: number;
  readonly priority: number;
  readonly isPersistent: boolean;
  readonly expiresAt: Millis;
  redelivered: boolean;
  /** It is just coming, and may be taken whatever its time. */
  isFresh: boolean;
}

interface Limits {
  readonly ttlMs: number | null;
  readonly lengthMax: number | null;
  readonly bytesMax: number | null;
  readonly overflow: "drop-head" | "reject-publish" | "reject-publish-dlx";
  readonly priorityMax: number | null;
}

const never = Number.POSITIVE_INFINITY;
const bodyOf = ({ content }: { readonly content: Content }) => content.bytes.readUInt32BE(content.start);

/** The queue as it should be. */
class Model {
  readonly limits: Limits;
  ready: Known[] = [];
  buried: { readonly known: Known; readonly reason: DeathReason }[] = [];

  constructor(limits: Limits) {
    this.limits = limits;
  }

  get bytes(): number {
    return this.ready.reduce((bytes, { size }) => bytes + size, 0);
  }

  refuses(size: number): boolean {
    const { overflow, lengthMax, bytesMax } = this.limits;
    if (overflow === "drop-head") return false;
    return this.ready.length >= (lengthMax ?? never) || this.bytes + size > (bytesMax ?? never);
  }

  put(known: Known): void {
    this.ready.push(known);
    this.ready.sort((one, other) => other.priority - one.priority || one.body - other.body);
  }

  /** What came may be late, or too much. */
  dropHeads(now: Millis): void {
    const { overflow, lengthMax, bytesMax } = this.limits;
    this.expire(now);
    if (overflow !== "drop-head") return;
    const isOver = () => this.ready.length > (lengthMax ?? never) || this.bytes > (bytesMax ?? never);
    while (isOver()) this.bury(this.shift(now) as Known, "maxlen");
  }

  /** Takes the first; what is first then may be late. */
  shift(now: Millis): Known | undefined {
    const known = this.ready.shift();
    this.expire(now);
    return known;
  }

  bury(known: Known, reason: DeathReason): void {
    this.buried.push({ known, reason });
  }

  /** What is not persistent is lost; what is held comes back; what waits may have been seen before. */
  restart(held: readonly Known[]): void {
    for (const known of held) this.put(known);
    this.ready = this.ready.filter(({ isPersistent }) => isPersistent);
    this.buried = this.buried.filter(({ known }) => known.isPersistent);
    for (const known of this.ready) known.redelivered = true;
  }

  /** Of each priority those at the front whose time is over. */
  expire(now: Millis): void {
    for (const priority of new Set(this.ready.map((known) => known.priority))) {
      const line = this.ready.filter((known) => known.priority === priority);
      const living = line.findIndex(({ expiresAt, isFresh }) => expiresAt > now || isFresh);
      const gone = new Set(living === -1 ? line : line.slice(0, living));
      this.ready = this.ready.filter((known) => !gone.has(known));
      for (const known of gone) this.bury(known, "expired");
    }
  }
}

/** A consumer, or whoever gets messages one by one, with what it holds. */
class Taker implements QueueConsumer {
  readonly queue: MessageQueue;
  readonly tag = "";
  readonly prefetch: number;
  readonly priority = 0;
  readonly noAck: boolean;
  readonly isDirect: boolean;
  readonly isExclusive = false;
  readonly arguments: Table = {};
  readonly place = null;
  readonly #world: World;

  constructor(
    world: World,
    options: { readonly prefetch: number; readonly noAck: boolean; readonly isDirect: boolean },
  ) {
    this.#world = world;
    this.queue = world.queue;
    this.prefetch = options.prefetch;
    this.noAck = options.noAck;
    this.isDirect = options.isDirect;
  }

  get held(): readonly Held[] {
    return this.#world.held.filter(({ by }) => by === this);
  }

  get hasRoom(): boolean {
    return this.noAck || this.held.length < this.prefetch;
  }

  takeContent(content: Content, redelivered: boolean): void {
    this.#world.taken({ content, redelivered });
  }

  takeEntry(entry: Entry): void {
    this.#world.held.push({ known: this.#world.taken(entry), entry, by: this });
  }

  queueGone(): void {}
}

interface Held {
  readonly known: Known;
  readonly entry: Entry;
  readonly by: Taker | null;
}

class World {
  readonly random: Random;
  readonly model: Model;
  readonly takers = new Set<Taker>();
  held: Held[] = [];
  clock: VirtualClock = virtualClock();
  #dir = newDir();
  #broker!: Broker;
  #storage!: Service;
  queue!: MessageQueue;
  #bodies = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
    const maybe = (value: () => number) => (this.random.int(3) === 0 ? value() : null);
    this.model = new Model({
      ttlMs: maybe(() => 10 * this.random.int(20)),
      lengthMax: maybe(() => this.random.int(12)),
      bytesMax: maybe(() => 20 * this.random.int(60)),
      overflow: (["drop-head", "reject-publish", "reject-publish-dlx"] as const)[this.random.int(3)]!,
      priorityMax: maybe(() => this.random.int(4)),
    });
  }

  async begin(): Promise<void> {
    this.#broker = new Broker({ ...testPlatform(), clock: this.clock });
    this.#storage = persistence(this.#broker, this.#dir, storage);
    await this.#storage.start();
    const { host } = this.#broker;
    const { ttlMs, lengthMax, bytesMax, overflow, priorityMax } = this.model.limits;
    const durable = { durable: true, exclusive: false, autoDelete: false };
    host.declareQueue({ ...durable, name: "dead", arguments: {} }, this);
    const args = {
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": "dead",
      "x-overflow": overflow,
      ...(ttlMs === null ? {} : { "x-message-ttl": ttlMs }),
      ...(lengthMax === null ? {} : { "x-max-length": lengthMax }),
      ...(bytesMax === null ? {} : { "x-max-length-bytes": bytesMax }),
      ...(priorityMax === null ? {} : { "x-max-priority": priorityMax }),
    };
    this.queue = host.declareQueue({ ...durable, name: "q", arguments: args }, this);
  }

  /** A message came out: it must be the one that the model has at its front. */
  taken(message: { readonly content: Content; readonly redelivered: boolean }): Known {
    this.model.expire(this.clock.now());
    const known = this.model.shift(this.clock.now());
    assert.equal(bodyOf(message), known?.body, "what comes out is at the front");
    assert.equal(message.redelivered, known?.redelivered, `whether ${known?.body} was here before`);
    return known as Known;
  }

  publish(): void {
    const { random, model } = this;
    const { ttlMs, priorityMax } = model.limits;
    const expirationMs = random.int(4) === 0 ? 10 * random.int(30) : null;
    const priority = random.int(6);
    const isPersistent = random.int(3) > 0;
    const body = Buffer.alloc(4 + random.int(60));
    body.writeUInt32BE(++this.#bodies);
    const properties = propertiesOf({
      deliveryMode: isPersistent ? 2 : 1,
      priority,
      ...(expirationMs === null ? {} : { expiration: String(expirationMs) }),
    });
    const known: Known = {
      body: this.#bodies,
      size: body.length,
      priority: priorityMax === null ? 0 : Math.min(priority, priorityMax),
      isPersistent,
      expiresAt: this.clock.now() + Math.min(expirationMs ?? never, ttlMs ?? never),
      redelivered: false,
      isFresh: true,
    };
    model.expire(this.clock.now());
    const isRefused = model.refuses(known.size);
    if (!isRefused) model.put(known);
    else if (model.limits.overflow === "reject-publish-dlx") model.bury(known, "maxlen");

    const content = contentOfBytes(new Label("", "q"), properties, body);
    const outcome = this.#broker.host.enqueue([this.queue], content);

    known.isFresh = false;
    assert.equal(outcome === refused, isRefused, `whether ${known.body} was refused`);
    // A direct consumer has taken it by now, or the one before it: what is left may be too much.
    model.dropHeads(this.clock.now());
  }

  get(): void {
    const entry = this.queue.get();
    this.model.expire(this.clock.now());
    if (entry === null) assert.equal(this.model.ready.length, 0);
    else this.held.push({ known: this.taken(entry), entry, by: null });
  }

  consume(): void {
    const { random } = this;
    if (this.takers.size >= 3) return;
    const options = { prefetch: 1 + random.int(6), noAck: random.int(5) === 0, isDirect: random.int(3) > 0 };
    const taker = new Taker(this, options);
    this.takers.add(taker);
    this.queue.add(taker);
  }

  /** A consumer leaves; what it holds it may keep for a while, or give back. */
  leave(): void {
    const taker = this.#oneOf([...this.takers]);
    if (taker === null) return;
    this.takers.delete(taker);
    this.queue.remove(taker);
    if (this.random.int(2) === 0)
      this.#settle(
        this.held.filter(({ by }) => by === taker),
        "return",
      );
  }

  settle(how: "ack" | "return" | "reject"): void {
    const one = this.#oneOf(this.held);
    if (one === null) return;
    // Several at once, as by a multiple acknowledgement, or one of them.
    const up = this.held.filter(({ known }) => known.body <= one.known.body);
    this.#settle(this.random.int(3) === 0 ? up : [one], how);
  }

  #settle(those: readonly Held[], how: "ack" | "return" | "reject"): void {
    this.held = this.held.filter((one) => !those.includes(one));
    for (const { known, entry } of those) {
      if (how === "reject") this.model.bury(known, "rejected");
      if (how === "return") {
        known.redelivered = true;
        this.model.put(known);
        this.model.dropHeads(this.clock.now());
      }
      this.queue.settle(entry, how);
    }
  }

  purge(): void {
    this.model.expire(this.clock.now());
    const purged = this.queue.purge();
    assert.equal(purged, this.model.ready.length);
    this.model.ready = [];
  }

  async advance(): Promise<void> {
    await this.clock.advance(10 * (1 + this.random.int(11)));
    this.model.expire(this.clock.now());
  }

  /** The broker ends, in order or not, and another goes on with what there is. */
  async restart(how: "stop" | "kill"): Promise<void> {
    await this.check();
    await this.#written();
    const killed = newDir();
    if (how === "kill") cpSync(this.#dir, killed, { recursive: true });
    await this.#storage.stop();
    if (how === "kill") {
      rmSync(this.#dir, { recursive: true });
      this.#dir = killed;
    }
    this.#broker.close();
    this.clock = virtualClock(this.clock.now());
    this.takers.clear();
    this.model.restart(this.held.map(({ known }) => known));
    this.held = [];
    await this.begin();
  }

  /** Waits until what was done so far is on disk, and the letters that it led to. */
  async #written(): Promise<void> {
    const { host, journal } = this.#broker;
    for (let round = 0; round < 2; round++) {
      const content = contentOfBytes(
        new Label("", "dead"),
        propertiesOf({ deliveryMode: 2 }),
        Buffer.alloc(4),
      );
      const queue = host.queue("dead");
      const batch = host.enqueue([queue], content);
      await new Promise<void>((resolve) => journal?.whenSynced(batch, resolve));
      await this.clock.advance(0);
    }
  }

  /** Between two steps everything that can be delivered is. */
  async check(): Promise<void> {
    await this.clock.advance(0);
    const { model, queue } = this;
    model.expire(this.clock.now());
    assert.equal(queue.readyCount, model.ready.length, "messages that wait");
    assert.equal(queue.readyBytes, model.bytes, "their bytes");
    assert.equal(queue.unacknowledgedCount, this.held.length, "messages that are held");
    const idle = [...this.takers].filter(({ hasRoom }) => hasRoom);
    assert.ok(model.ready.length === 0 || idle.length === 0, "nobody waits for what is there");
  }

  async end(): Promise<void> {
    for (const taker of this.takers) this.queue.remove(taker);
    this.takers.clear();
    await this.check();
    while (this.model.ready.length > 0) this.get();
    const buried: string[] = [];
    for (let entry = this.#dead(); entry !== null; entry = this.#dead()) {
      const body = bodyOf(entry);
      const { headers } = entry.content.properties(this.#broker.form);
      if (body > 0) buried.push(`${body} ${headers["x-first-death-reason"]}`);
    }
    const expected = this.model.buried.map(({ known, reason }) => `${known.body} ${reason}`);
    assert.deepEqual(buried.sort(), expected.sort(), "what was buried");
    this.#broker.close();
    await this.#storage.stop();
    rmSync(this.#dir, { recursive: true });
  }

  #dead(): Entry | null {
    return this.#broker.host.queue("dead").get();
  }

  #oneOf<T>(those: readonly T[]): T | null {
    return those[this.random.int(those.length)] ?? null;
  }
}

async function tell(seed: number): Promise<void> {
  const world = new World(seed);
  await world.begin();
  const story: string[] = [];
  const step: Readonly<Record<string, () => void | Promise<void>>> = {
    publish: () => world.publish(),
    get: () => world.get(),
    consume: () => world.consume(),
    leave: () => world.leave(),
    ack: () => world.settle("ack"),
    return: () => world.settle("return"),
    reject: () => world.settle("reject"),
    purge: () => world.purge(),
    advance: () => world.advance(),
    stop: () => world.restart("stop"),
    kill: () => world.restart("kill"),
  };
  const weights =
    "publish publish publish publish publish publish publish get get consume leave ack ack return return reject advance advance".split(
      " ",
    );
  try {
    for (let count = 0; count < steps; count++) {
      const rare = world.random.int(40);
      const name =
        rare === 0
          ? "purge"
          : rare === 1
            ? "stop"
            : rare === 2
              ? "kill"
              : weights[world.random.int(weights.length)]!;
      story.push(name);
      await step[name]!();
      // Mostly several things happen within a turn.
      if (world.random.int(2) === 0) await world.check();
    }
    await world.end();
  } catch (error) {
    const limits = JSON.stringify(world.model.limits);
    throw new Error(`MODEL_SEED=${seed} MODEL_RUNS=1 of ${limits}: ${story.join(" ")}`, { cause: error });
  }
}

test(`${runs} stories of a queue go as the model's`, async () => {
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) await tell(seed);
});
