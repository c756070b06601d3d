// `micronova saga list|show|retry|abandon`: what the cloud is doing, step by step, and the ways on for an undo
// that fails.
import { reachCloud } from "../running-cloud.ts";
import { type Format, printRows } from "../table.ts";

export interface SagaListOptions {
  readonly dataDir: string;
  readonly format: Format;
  readonly state?: string;
  readonly subject?: string;
  readonly name?: string;
  readonly limit: string;
}

export async function listSagas(options: SagaListOptions): Promise<void> {
  const { client } = await reachCloud(options);
  const query = new URLSearchParams({
    limit: options.limit,
    ...(options.state === undefined ? {} : { state: options.state }),
    ...(options.subject === undefined ? {} : { subject_id: options.subject }),
    ...(options.name === undefined ? {} : { name: options.name }),
  });
  const { sagas } = await client.call("operations", `/sagas?${query}`);
  const columns = ["id", "name", "subject", "state", "step", "created_at", "error"];
  printRows(options.format, columns, sagas.map(rowOf));
}

interface SagaAnswer {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly subject: { readonly kind: string; readonly id: string };
  readonly request_id: string;
  readonly created_at: string;
  readonly owner: string | null;
  readonly error: string | null;
  readonly trouble: {
    readonly step: string | null;
    readonly tries: number;
    readonly since: string;
    readonly error: string;
  } | null;
  readonly steps: readonly {
    readonly name: string;
    readonly attempt: number;
    readonly result: string;
    readonly started_at: string;
    readonly finished_at: string | null;
    readonly error: string | null;
  }[];
}

function rowOf({ id, name, subject, state, steps, created_at, error, trouble }: SagaAnswer) {
  const step = steps.at(-1)?.name ?? null;
  return {
    id,
    name,
    subject: `${subject.kind} ${subject.id}`,
    state,
    step,
    created_at,
    error: trouble?.error ?? error,
  };
}

interface OneSaga {
  readonly dataDir: string;
  readonly format: Format;
}

export async function showSaga(id: string, options: OneSaga): Promise<void> {
  const { client } = await reachCloud(options);
  const { saga } = await client.call("operations", `/sagas/${encodeURIComponent(id)}`);
  print(saga, options.format);
}

/** `retry` tries the failing undo now; `abandon` goes on without it. */
export async function moveSaga(verb: "retry" | "abandon", id: string, options: OneSaga): Promise<void> {
  const { client } = await reachCloud(options);
  const path = `/sagas/${encodeURIComponent(id)}/${verb}`;
  const { saga } = await client.call("operations", path, { method: "POST" });
  print(saga, options.format);
}

function print(saga: SagaAnswer, format: Format): void {
  if (format === "json") {
    process.stdout.write(`${JSON.stringify(saga, null, 2)}\n`);
    return;
  }
  if (format === "table") process.stdout.write(headOf(saga));
  const columns = ["step", "attempt", "result", "started_at", "finished_at", "error"];
  printRows(
    format,
    columns,
    saga.steps.map(({ name, ...step }) => ({ step: name, ...step })),
  );
}

function headOf({ id, name, subject, state, owner, request_id, error, trouble }: SagaAnswer): string {
  const lines = [
    `${name} of ${subject.kind} ${subject.id}: ${state}`,
    `  id       ${id}`,
    `  request  ${request_id}`,
    ...(owner === null ? [] : [`  run by   ${owner}`]),
    ...(error === null ? [] : [`  because  ${error}`]),
    ...(trouble === null
      ? []
      : [
          `  trouble  undoing ${trouble.step ?? "its end"} has failed ${trouble.tries} times since ${trouble.since}: ${trouble.error}`,
        ]),
  ];
  return `${lines.join("\n")}\n`;
}
