// Sagas as Nova's clients know them: instance actions and their events.
import { always, type Field, render, sinceField, type View } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import type { SagaRecord, StepRecord } from "@micronova/saga";
import type { Server } from "../../tables.ts";
import { hostIdOf } from "./links.ts";

export interface ShownAction {
  readonly saga: SagaRecord;
  readonly server: Server;
}

interface ShownEvent extends ShownAction {
  readonly step: StepRecord;
}

/** Steps by Nova's names of what they do; other steps are the conductor's own. */
const eventNames: Readonly<Record<string, string>> = {
  "server-create/schedule": "schedule_instances",
  "server-create/spawn": "compute__do_build_and_run_instance",
  "server-delete/destroy": "compute_terminate_instance",
  "server-stop/host": "compute_stop_instance",
  "server-start/host": "compute_start_instance",
  "server-reboot/host": "compute_reboot_instance",
  "server-hard-reboot/host": "compute_reboot_instance",
  "server-pause/host": "compute_pause_instance",
  "server-unpause/host": "compute_unpause_instance",
  "server-suspend/host": "compute_suspend_instance",
  "server-resume/host": "compute_resume_instance",
  "server-migrate/schedule": "cold_migrate",
  "server-migrate/receive": "compute_prep_resize",
  "server-migrate/copy": "compute_resize_instance",
  "server-migrate/arrive": "compute_finish_resize",
  "server-resize-confirm/forget": "compute_confirm_resize",
  "server-resize-revert/leave": "compute_revert_resize",
  "server-resize-revert/return": "compute_finish_revert_resize",
  "volume-attach/attach": "compute_attach_volume",
  "volume-detach/detach": "compute_detach_volume",
  "interface-attach/attach": "compute_attach_interface",
  "interface-detach/detach": "compute_detach_interface",
};

const results: Readonly<Record<StepRecord["result"], string | null>> = {
  running: null,
  success: "Success",
  error: "Error",
  undone: "Error",
};

const eventView: View<ShownEvent> = {
  event: always(
    ({ saga, step }) =>
      eventNames[`${saga.name}/${step.name}`] ?? `conductor_${step.name.replaceAll("-", "_")}`,
  ),
  start_time: always(({ step }) => isoMicros(step.startedAt)),
  finish_time: always(({ step }) => (step.finishedAt === null ? null : isoMicros(step.finishedAt))),
  result: always(({ step }) => results[step.result]),
  traceback: always(({ step }, { context }) => {
    // Our failures carry a sentence, not a stack; it stands where administrators look for one.
    if (!context.isAdmin) return undefined;
    return step.error === null ? null : step.error.message;
  }),
  hostId: sinceField("2.62", ({ server }) => hostIdOf(server.project_id, server.host)),
  host: adminOnly(sinceField("2.62", ({ server }) => server.host ?? "")),
  details: sinceField("2.84", ({ step }) => step.error?.message ?? null),
};

function adminOnly(field: Field<ShownEvent>): Field<ShownEvent> {
  return { ...field, adminOnly: true };
}

export const actionView: View<ShownAction> = {
  action: always(({ saga }) => saga.action ?? saga.name),
  instance_uuid: always(({ server }) => server.id),
  request_id: always(({ saga }) => saga.request.requestId),
  user_id: always(({ saga }) => saga.request.userId),
  project_id: always(({ saga }) => saga.request.projectId),
  start_time: always(({ saga }) => isoMicros(saga.startedAt)),
  message: always(({ saga }) => (saga.error === null ? null : "Error")),
  updated_at: sinceField("2.58", ({ saga }) => isoMicros(saga.updatedAt)),
};

export const actionDetailView: View<ShownAction> = {
  ...actionView,
  events: [
    { until: "2.50", adminOnly: true, get: events },
    { since: "2.51", get: events },
  ],
};

function events({ saga, server }: ShownAction, view: Parameters<Field<ShownAction>["get"]>[1]): object[] {
  return saga.steps.map((step) => render(eventView, { saga, server, step }, view));
}
