// Sagas as operators see them: which run, what each did, and the ways on for one that is stuck.
import { nextLinks, pageOf, routesOf, Type } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import { audit, listSagas, type SagaRecord, type SagaState, sagaRecord, sagaStates } from "@micronova/saga";
import { errors } from "../errors.ts";
import type { OperationsDeps } from "../service.ts";

const route = routesOf<OperationsDeps>();

const text = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));
// The keys are the states.
const states = Object.keys(sagaStates) as readonly SagaState[];
const pageDefault = 50;

export const listAll = route({
  method: "GET",
  path: "/sagas",
  policy: "operations:sagas:list",
  query: Type.Object(
    {
      state: Type.Optional(Type.Unsafe<SagaState>(Type.Enum([...states]))),
      subject_id: text,
      name: text,
      limit: text,
      marker: text,
    },
    { additionalProperties: false },
  ),
  success: 200,
  summary: "Lists sagas, the newest first.",
  async handle(request, { store }) {
    const { state, subject_id, name } = request.query;
    const page = pageOf(request, { byDefault: pageDefault });
    const { limit, marker } = page;
    const after = marker === null ? null : await sagaRecord(store.read, marker);
    if (marker !== null && after === null) throw errors.badMarker(marker);
    const sagas = await listSagas(store.read, {
      ...(state === undefined ? {} : { states: [state] }),
      ...(subject_id === undefined ? {} : { subjectId: subject_id }),
      ...(name === undefined ? {} : { name }),
      limit,
      ...(after === null ? {} : { after }),
    });
    const ids = sagas.map(({ id }) => id);
    const links = nextLinks(request, { key: "sagas_links", page, ids });
    return { sagas: sagas.map(sagaView), ...links };
  },
});

export const showOne = route({
  method: "GET",
  path: "/sagas/:saga_id",
  policy: "operations:sagas:show",
  success: 200,
  summary: "Shows a saga with every step it took.",
  handle: async ({ params }, deps) => ({ saga: sagaView(await find(deps, params["saga_id"]!)) }),
});

export const retryOne = route({
  method: "POST",
  path: "/sagas/:saga_id/retry",
  policy: "operations:sagas:retry",
  success: 202,
  summary: "Tries the undo that fails again now.",
  async handle({ params }, deps) {
    const { id } = await find(deps, params["saga_id"]!);
    await deps.store.transaction((tx) => deps.sagas.retry(tx, id));
    return { saga: sagaView(await find(deps, id)) };
  },
});

export const abandonOne = route({
  method: "POST",
  path: "/sagas/:saga_id/abandon",
  policy: "operations:sagas:abandon",
  success: 202,
  summary: "Goes on without the undo that fails: the operator has seen to it.",
  async handle({ params, context }, deps) {
    const { id, subject, trouble } = await find(deps, params["saga_id"]!);
    await deps.store.transaction(async (tx) => {
      await deps.sagas.abandon(tx, id);
      const reason = `The undo of ${trouble?.step ?? "its end"} in saga ${id} was abandoned by an operator.`;
      await audit(tx, context, { action: "saga-abandon", about: subject, reason });
    });
    return { saga: sagaView(await find(deps, id)) };
  },
});

async function find({ store }: Pick<OperationsDeps, "store">, id: string): Promise<SagaRecord> {
  const found = await sagaRecord(store.read, id);
  if (found === null) throw errors.sagaNotFound(id);
  return found;
}

function sagaView(saga: SagaRecord) {
  const { id, name, action, subject, request, state, owner, error, trouble, steps } = saga;
  return {
    id,
    name,
    action,
    state,
    subject,
    request_id: request.requestId,
    user_id: request.userId,
    project_id: request.projectId,
    owner,
    lease_until: owner === null ? null : isoMicros(saga.leaseUntil),
    created_at: isoMicros(saga.startedAt),
    updated_at: isoMicros(saga.updatedAt),
    error: error?.message ?? null,
    trouble:
      trouble === null
        ? null
        : {
            step: trouble.step,
            tries: trouble.tries,
            since: isoMicros(trouble.since),
            error: trouble.error.message,
          },
    steps: steps.map((step) => ({
      name: step.name,
      attempt: step.attempt,
      result: step.result,
      started_at: isoMicros(step.startedAt),
      finished_at: step.finishedAt === null ? null : isoMicros(step.finishedAt),
      error: step.error?.message ?? null,
    })),
  };
}
