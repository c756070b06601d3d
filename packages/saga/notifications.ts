// What happens to a subject, told to whoever bills or watches: a saga's beginning and end as notifications of
// OpenStack's names, after the transaction that makes them true.
import type { Json } from "@micronova/amqp";
import type { Notifier } from "@micronova/rpc";
import type { Given } from "./batch.ts";
import type { StepError } from "./index.ts";

/** Event types by the names of sagas: `server-create` is `compute.instance.create`. Others are not told of. */
export interface SagaEvents {
  readonly types: Readonly<Record<string, string>>;
  /** What the subject's id is called in the payload: `instance_id`. */
  readonly subjectKey: string;
}

/** Told after the commit. A crash between the two loses a word; nothing is told twice. */
export interface SagaWatcher {
  began(given: Given): void;
  /** `error` says why it was undone; null when it succeeded. */
  ended(given: Given, error: StepError | null): void;
}

export function sagaNotifications(
  notifier: Notifier,
  events: readonly SagaEvents[],
  host: string,
): SagaWatcher {
  const known = new Map(
    events.flatMap(({ types, subjectKey }) =>
      Object.entries(types).map(([saga, type]) => [saga, { type, subjectKey }] as const),
    ),
  );
  const tell = (given: Given, phase: "start" | "end" | "error", more: Readonly<Record<string, Json>>) => {
    const event = known.get(given.saga.name);
    if (event === undefined) return;
    const { subject, request } = given;
    notifier.notify({
      priority: phase === "error" ? "error" : "info",
      eventType: `${event.type}.${phase}`,
      publisherId: `${event.type.split(".", 1)[0]}.${host}`,
      payload: {
        [event.subjectKey]: subject.id,
        tenant_id: request.projectId,
        user_id: request.userId,
        ...more,
      },
      context: request,
    });
  };
  return {
    began: (given) => tell(given, "start", {}),
    ended: (given, error) =>
      error === null
        ? tell(given, "end", {})
        : tell(given, "error", { code: error.status, exception: error.kind, message: error.message }),
  };
}
