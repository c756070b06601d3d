// Starting, cancelling and awaiting sagas: what everyone but the runner needs.
import type { Platform, Uuid } from "@micronova/kit";
import { systemContext } from "@micronova/kit";
import type { Rpc } from "@micronova/rpc";
import { afterCommit, newId, now, prepared, type Store, type Tx } from "@micronova/store";
import { sagaCancelled, sagaContract } from "./contract.ts";
import { onEnding } from "./endings.ts";
import { sagaErrors } from "./errors.ts";
import type { Outcome, Sagas, StepError } from "./index.ts";
import { appendEvents, end, hintMs, subjectOf, type Trouble } from "./journal.ts";
import { sagaStates } from "./states.ts";
import type { SagaTable } from "./tables.ts";

export interface DoorDeps {
  readonly platform: Platform;
  readonly store: Store;
  readonly rpc: Rpc;
}

// How often a saga that another process may be running is asked after.
const pollMs = 500;

export function sagaDoor(deps: DoorDeps): Sagas {
  const hint = (tx: Tx, sagaId: Uuid) => afterCommit(tx, () => void wake(deps, sagaId));
  return {
    async start(tx, saga, params, { subject, request, action }) {
      const id = newId(tx);
      const row: Omit<SagaTable, "ordinal" | "state"> = {
        id,
        name: saga.name,
        action: action ?? null,
        subject_kind: subject.kind,
        subject_id: subject.id,
        params: JSON.stringify(params),
        request: JSON.stringify(request),
        request_id: request.requestId,
        error: null,
        cancel: 0,
        owner: null,
        lease_until: now(tx) + hintMs,
        generation: 0,
        trouble: null,
        created_at: now(tx),
        updated_at: now(tx),
      };
      const isRunning = await insert(tx, row, "running");
      if (isRunning) hint(tx, id);
      else await insert(tx, row, "waiting");
      return id;
    },
    async cancel(tx, subject) {
      // The waiting ones unwind too when their turn comes, having done nothing, so that each says so on its
      // resource.
      const cancelled = await tx
        .updateTable("sagas")
        .set({ cancel: 1 })
        .where("subject_kind", "=", subject.kind)
        .where("subject_id", "=", subject.id)
        .where("state", "in", ["waiting", "running"])
        .returning(["id", "state"])
        .execute();
      for (const { id, state } of cancelled) {
        if (sagaStates[state].holdsSubject) afterCommit(tx, () => void announceCancel(deps, id));
      }
    },
    outcome: (id) => outcome(deps, id),
    async retry(tx, id) {
      await rouse(tx, id);
      hint(tx, id);
    },
    async abandon(tx, id) {
      const { step, error } = await rouse(tx, id);
      const next = step === null ? await endUnsaid(tx, id, error) : await skip(tx, id, step);
      if (next !== null) hint(tx, next);
    },
  };
}

/** False when another saga holds the subject. */
async function insert(
  tx: Tx,
  row: Omit<SagaTable, "ordinal" | "state">,
  state: "running" | "waiting",
): Promise<boolean> {
  const inserted = await inserting(tx, { ...row, state });
  return inserted.length === 1;
}

const inserting = prepared((tx, row: Omit<SagaTable, "ordinal">) =>
  tx
    .insertInto("sagas")
    .values((is) => ({
      ...row,
      ordinal: is
        .selectFrom("sagas as other")
        .select((one) =>
          one(one.fn.coalesce(one.fn.max("other.ordinal"), one.lit(0)), "+", one.lit(1)).as("next"),
        )
        .where("other.subject_kind", "=", row.subject_kind)
        .where("other.subject_id", "=", row.subject_id),
    }))
    .onConflict((conflict) => conflict.doNothing())
    .returning("id"),
);

async function wake({ platform, rpc }: DoorDeps, sagaId: Uuid): Promise<void> {
  try {
    await rpc.cast(sagaContract, { context: systemContext(platform.random.uuid()) }).wake({ sagaId });
  } catch (error) {
    platform.log.warn({ error, sagaId }, "no conductor was told of a saga; a scan will find it");
  }
}

async function announceCancel({ platform, rpc }: DoorDeps, sagaId: Uuid): Promise<void> {
  try {
    await rpc.announce(sagaCancelled, { sagaId });
  } catch (error) {
    platform.log.warn(
      { error, sagaId },
      "no conductor was told of a cancel; it will be seen at the next renewal",
    );
  }
}

async function outcome({ platform, store }: DoorDeps, id: Uuid): Promise<Outcome> {
  for (;;) {
    const done = new AbortController();
    const news = new Promise<void>((resolve) => {
      const forget = onEnding(store, id, resolve);
      done.signal.addEventListener("abort", forget);
    });
    const known = await outcomeNow(store.read, id);
    if (known === null) await Promise.race([news, quietSleep(platform, done.signal)]);
    done.abort();
    if (known !== null) return known;
  }
}

/** A sleep whose early end is no error. */
async function quietSleep({ clock }: Platform, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(pollMs, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function outcomeNow(read: Tx, id: Uuid): Promise<Outcome | null> {
  const row = await read
    .selectFrom("sagas")
    .select(["state", "error", "trouble"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) throw sagaErrors.unknown(id);
  switch (row.state) {
    case "finished":
      return { state: "finished" };
    case "unwound":
      // Written by this package, as a StepError.
      return { state: "unwound", error: JSON.parse(row.error ?? "null") as StepError };
    case "stuck":
      return { state: "stuck", error: (JSON.parse(row.trouble ?? "null") as Trouble).error };
    default:
      return null;
  }
}

/** Makes a saga whose undo fails due now. */
async function rouse(tx: Tx, id: Uuid): Promise<Trouble> {
  const row = await tx
    .updateTable("sagas")
    .set((saga) => ({ lease_until: 0, generation: saga("generation", "+", 1) }))
    .where("id", "=", id)
    .where("trouble", "is not", null)
    .where("owner", "is", null)
    .returning("trouble")
    .executeTakeFirst();
  if (row === undefined) throw sagaErrors.notStuck(id);
  // Written by this package, as a Trouble.
  return JSON.parse(row.trouble!) as Trouble;
}

/**
 * Takes the operator's word that what the undo would have done is done, or need not be. Returns the saga to
 * wake.
 */
async function skip(tx: Tx, id: Uuid, step: string): Promise<Uuid> {
  const { n, attempt } = await tx
    .selectFrom("saga_events")
    .select((is) => [is.fn.max("n").as("n"), is.fn.max("attempt").as("attempt")])
    .where("saga_id", "=", id)
    .executeTakeFirstOrThrow();
  await appendEvents(tx, id, n + 1, [{ step, attempt, type: "undone", began: now(tx), at: now(tx) }]);
  return id;
}

/** Ends a saga of which only `onUnwound` is left, without it. Returns the subject's next saga. */
async function endUnsaid(tx: Tx, id: Uuid, error: StepError): Promise<Uuid | null> {
  const row = await tx.selectFrom("sagas").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
  return end(tx, id, subjectOf(row), "unwound", row.error === null ? error : JSON.parse(row.error));
}
