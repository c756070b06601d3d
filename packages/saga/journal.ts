// Reading and writing sagas and their logs. Every write of a runner names the generation under which it holds
// the saga, so one that was paused and is thought dead writes nothing.
import type { Millis, Uuid } from "@micronova/kit";
import { now, prepared, type Tx } from "@micronova/store";
import type { StepError, Subject } from "./index.ts";
import type { SagaEvent } from "./next-move.ts";
import { activeStates, type SagaState } from "./states.ts";
import type { SagaEventTable, SagaTable } from "./tables.ts";

/** An undo that does not succeed. */
export interface Trouble {
  /** Null when it is the work that ends the saga (`onUnwound`). */
  readonly step: string | null;
  readonly since: Millis;
  readonly tries: number;
  readonly error: StepError;
}

export interface Holder {
  readonly id: Uuid;
  readonly owner: string;
  readonly generation: number;
  readonly leaseMs: Millis;
}

// How often a debt is tried to be paid: a host that comes back is rid of what it should not have within a
// minute.
export const debtPauseMs = 30_000;
// A saga whose runner was told is left alone by the scans for so long.
export const hintMs = 5_000;

// Longer than any lease or pause. One that ends later was written by a clock that ran ahead,
// and keeps nobody off.
export const leaseMsMax: Millis = 600_000;

/**
 * Takes the saga from nobody, from its owner's earlier life, or from one whose lease ran out. Null when it
 * changed hands.
 */
export async function claim(tx: Tx, { id, owner, generation, leaseMs }: Holder): Promise<Held | null> {
  const at = now(tx);
  const until = { lease_until: at + leaseMs, tooLate: at + leaseMsMax };
  const [held] = await claiming(tx, { id, owner, generation, next: generation + 1, at, ...until });
  return held ?? null;
}

/** Whether the saga is still held, for as long as this transaction. Null when it is not. */
export async function keep(tx: Tx, { id, owner, generation }: Omit<Holder, "leaseMs">): Promise<Held | null> {
  const [held] = await keeping(tx, { id, owner, generation });
  return held ?? null;
}

type Held = Pick<SagaTable, "cancel">;

interface Claim extends Omit<Holder, "leaseMs"> {
  readonly next: number;
  readonly at: Millis;
  readonly lease_until: Millis;
  readonly tooLate: Millis;
}

const claiming = prepared((tx, { id, owner, generation, next, at, lease_until, tooLate }: Claim) =>
  tx
    .updateTable("sagas")
    .set({ owner, generation: next, lease_until, updated_at: at })
    .where("id", "=", id)
    .where("generation", "=", generation)
    .where("state", "in", activeStates)
    .where((is) =>
      is.or([
        is("owner", "is", null),
        is("owner", "=", owner),
        is("lease_until", "<=", at),
        is("lease_until", ">", tooLate),
      ]),
    )
    .returning("cancel"),
);

const keeping = prepared((tx, { id, owner, generation }: Omit<Holder, "leaseMs">) =>
  tx
    .selectFrom("sagas")
    .select("cancel")
    .where("id", "=", id)
    .where("generation", "=", generation)
    .where("owner", "=", owner),
);

/** The next fence of the subject's lane. */
export async function raiseFence(tx: Tx, subject: Subject): Promise<number> {
  const [fence] = await raising(tx, { lane: laneOf(subject) });
  return fence!.counter;
}

const raising = prepared((tx, { lane }: { readonly lane: string }) =>
  tx
    .insertInto("saga_fences")
    .values({ subject: lane, counter: 1 })
    .onConflict((conflict) =>
      conflict.column("subject").doUpdateSet((row) => ({ counter: row("saga_fences.counter", "+", 1) })),
    )
    .returning("counter"),
);

export function laneOf({ kind, id }: Subject): string {
  return `${kind}:${id}`;
}

export async function appendEvents(
  tx: Tx,
  sagaId: Uuid,
  from: number,
  events: readonly SagaEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await appending(
    tx,
    events.map((event, at) => rowOf(sagaId, from + at, event)),
  );
  const owed = events.flatMap((event, at) =>
    "owed" in event && event.owed !== undefined ? [{ n: from + at, step: event.step }] : [],
  );
  for (const { n, step } of owed) {
    const debt = { saga_id: sagaId, n, step, tries: 0, due_at: now(tx) + debtPauseMs, created_at: now(tx) };
    await tx.insertInto("saga_debts").values(debt).execute();
  }
}

const appending = prepared((tx, rows: readonly SagaEventTable[]) =>
  tx.insertInto("saga_events").values(rows),
);

export async function readEvents(tx: Tx, sagaId: Uuid): Promise<SagaEvent[]> {
  const rows = await tx
    .selectFrom("saga_events")
    .selectAll()
    .where("saga_id", "=", sagaId)
    .orderBy("n")
    .execute();
  return rows.map(eventOf);
}

export async function setState(tx: Tx, id: Uuid, state: SagaState, error: StepError | null): Promise<void> {
  await tx
    .updateTable("sagas")
    .set({ state, error: textOf(error), trouble: null, updated_at: now(tx) })
    .where("id", "=", id)
    .execute();
}

/** Ends the saga and lets the next one on its subject begin; returns that one's id. */
export async function end(
  tx: Tx,
  id: Uuid,
  subject: Subject,
  state: "finished" | "unwound",
  error: StepError | null,
): Promise<Uuid | null> {
  await ending(tx, { id, state, error: textOf(error), at: now(tx) });
  return promote(tx, subject);
}

interface End {
  readonly id: Uuid;
  readonly state: SagaState;
  readonly error: string | null;
  readonly at: Millis;
}

const ending = prepared((tx, { id, state, error, at }: End) =>
  tx
    .updateTable("sagas")
    .set({ state, error, owner: null, trouble: null, lease_until: 0, updated_at: at })
    .where("id", "=", id),
);

const textOf = (error: StepError | null) => (error === null ? null : JSON.stringify(error));

/** Lets the subject's longest waiting saga run, when none does. */
export async function promote(tx: Tx, { kind, id }: Subject): Promise<Uuid | null> {
  const [next] = await waitingLongest(tx, { kind, id });
  if (next === undefined) return null;
  const promoted = await tx
    .updateTable("sagas")
    .set({ state: "running", lease_until: now(tx) + hintMs, updated_at: now(tx) })
    .where("id", "=", next.id)
    .where("state", "=", "waiting")
    .returning("id")
    .executeTakeFirst();
  return promoted?.id ?? null;
}

const waitingLongest = prepared((tx, { kind, id }: Subject) =>
  tx
    .selectFrom("sagas")
    .select("id")
    .where("subject_kind", "=", kind)
    .where("subject_id", "=", id)
    .where("state", "=", "waiting")
    .orderBy("ordinal")
    .limit(1),
);

/** Lets go of the saga until `until`, after which anyone may take it. */
export async function pause(
  tx: Tx,
  id: Uuid,
  as: {
    readonly trouble: Trouble;
    readonly state: SagaState;
    readonly error: StepError | null;
    readonly until: Millis;
  },
): Promise<void> {
  await tx
    .updateTable("sagas")
    .set((row) => ({
      trouble: JSON.stringify(as.trouble),
      state: as.state,
      error: textOf(as.error),
      owner: null,
      lease_until: as.until,
      updated_at: now(tx),
      // Who read the log before this must not act on it.
      generation: row("generation", "+", 1),
    }))
    .where("id", "=", id)
    .execute();
}

/** Lets go of everything the owner holds, for whoever comes first. */
export async function releaseAll(tx: Tx, owner: string): Promise<void> {
  await tx
    .updateTable("sagas")
    .set((row) => ({ owner: null, lease_until: 0, generation: row("generation", "+", 1) }))
    .where("owner", "=", owner)
    .where("state", "in", activeStates)
    .execute();
}

export function subjectOf({
  subject_kind,
  subject_id,
}: Pick<SagaTable, "subject_kind" | "subject_id">): Subject {
  return { kind: subject_kind, id: subject_id };
}

function rowOf(sagaId: Uuid, n: number, event: SagaEvent): SagaEventTable {
  return {
    saga_id: sagaId,
    n,
    step: event.step,
    attempt: event.attempt,
    type: event.type,
    fence: "fence" in event ? event.fence : null,
    output: "output" in event ? JSON.stringify(event.output) : null,
    error: errorOf(event),
    retry_from: "retryFrom" in event ? event.retryFrom : null,
    spans: event.spans === undefined || event.spans.length === 0 ? null : JSON.stringify(event.spans),
    began_at: event.began,
    at: event.at,
  };
}

function eventOf(row: SagaEventTable): SagaEvent {
  const { step, attempt, at, fence, output, error, retry_from } = row;
  const common = { step, attempt, at, began: row.began_at };
  switch (row.type) {
    case "started":
    case "undoing":
      return { ...common, type: row.type, fence: fence ?? 0 };
    case "succeeded":
      return { ...common, type: "succeeded", output: JSON.parse(output ?? "null"), ...owedOf(error) };
    case "failed":
      return { ...common, type: "failed", error: JSON.parse(error ?? "null"), retryFrom: retry_from };
    case "undone":
      return { ...common, type: "undone", ...owedOf(error) };
  }
}

/** In the row of a step that did not fail, an error says why it was put off. */
function owedOf(error: string | null): { owed?: StepError } {
  return error === null ? {} : { owed: JSON.parse(error) };
}

function errorOf(event: SagaEvent): string | null {
  if (event.type === "failed") return JSON.stringify(event.error);
  return "owed" in event && event.owed !== undefined ? JSON.stringify(event.owed) : null;
}
