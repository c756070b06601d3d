// A suspended server is its memory in a qcow2 file and no process. The memory goes where QEMU already has a
// file open, so that a guest without rights to open new ones can be suspended.
import type { Clock, Uuid } from "@micronova/kit";
import { driverErrors } from "../errors.ts";
import type { Qmp } from "./qmp.ts";

const tag = "suspended";
const pollMs = 20;
// Memory of many gigabytes on a slow disk.
const jobMsMax = 10 * 60_000;

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error?: string;
}

/** Writes the memory of the stopped guest into `node`. */
export async function saveMemory(clock: Clock, qmp: Qmp, node: string, operation: Uuid): Promise<void> {
  await qmp.execute("stop");
  // A save that was cut short by a crash leaves nothing by this name, a finished one does.
  await runJob(clock, qmp, "snapshot-delete", { tag, devices: [node] }, `delete-${operation}`);
  await runJob(clock, qmp, "snapshot-save", { tag, vmstate: node, devices: [node] }, `save-${operation}`);
}

/** Reads the memory into a QEMU that was started stopped, lets the guest go on, and gives the space back. */
export async function loadMemory(clock: Clock, qmp: Qmp, node: string, operation: Uuid): Promise<void> {
  await runJob(clock, qmp, "snapshot-load", { tag, vmstate: node, devices: [node] }, `load-${operation}`);
  await qmp.execute("cont");
  await runJob(clock, qmp, "snapshot-delete", { tag, devices: [node] }, `forget-${operation}`);
}

async function runJob(
  clock: Clock,
  qmp: Qmp,
  command: string,
  args: Readonly<Record<string, unknown>>,
  id: string,
): Promise<void> {
  await qmp.execute(command, { "job-id": id, ...args });
  const until = clock.monotonic() + jobMsMax;
  for (;;) {
    const jobs = await qmp.execute<readonly Job[]>("query-jobs");
    const job = jobs.find((other) => other.id === id);
    if (job === undefined) return;
    if (job.status === "concluded") {
      await qmp.execute("job-dismiss", { id });
      if (job.error !== undefined) throw driverErrors.qmpFailed(command, job.error);
      return;
    }
    if (clock.monotonic() > until) throw driverErrors.qmpFailed(command, `not done within ${jobMsMax} ms`);
    await clock.sleep(pollMs);
  }
}
