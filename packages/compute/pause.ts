// A pause that the end of its service cuts short.
import type { Clock, Millis } from "@micronova/kit";

export async function pause(clock: Clock, ms: Millis, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
