// Tells systemd how a process is, where systemd started it (`Type=notify`). Node has no datagram sockets of the
// Unix kind, so its own small program says it; units allow that with `NotifyAccess=all`.
import { isFault, processErrors, run } from "@micronova/kit";

export type ServiceState = "ready" | "stopping";

/** Nothing where nobody asked to be told. */
export async function tellServiceManager(state: ServiceState | null, status: string): Promise<void> {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  try {
    await run("systemd-notify", [...(state === null ? [] : [`--${state}`]), `--status=${status}`]);
  } catch (error) {
    // Then systemd ends the unit after its time to start, and this is why.
    if (!isFault(error, processErrors.notFound)) throw error;
    process.stderr.write("micronova: systemd-notify is not installed, so systemd cannot be told\n");
  }
}
