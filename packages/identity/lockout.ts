// Locking a user out for a while after wrong passwords, where the operator wants it. Off by default, as in
// Keystone: it lets anybody who knows a name keep its owner out.
import type { Clock, Millis } from "@micronova/kit";

export interface LockoutRule {
  /** Wrong passwords in a row. */
  readonly failuresMax: number;
  /** Counted from the last of them. */
  readonly lockedMs: Millis;
}

export interface Lockout {
  isLocked(userId: string): boolean;
  failed(userId: string): void;
  succeeded(userId: string): void;
}

// The users remembered; beyond it the longest remembered one gets new tries.
const usersMax = 10_000;

export function lockout(clock: Clock, rule: LockoutRule | null): Lockout {
  const failures = new Map<string, { readonly count: number; readonly at: Millis }>();
  const current = (userId: string) => {
    const known = failures.get(userId);
    const isOver = known !== undefined && rule !== null && clock.now() - known.at >= rule.lockedMs;
    return isOver ? undefined : known;
  };
  return {
    isLocked: (userId) => rule !== null && (current(userId)?.count ?? 0) >= rule.failuresMax,
    failed(userId) {
      if (rule === null) return;
      const count = (current(userId)?.count ?? 0) + 1;
      failures.delete(userId);
      const [oldest] = failures.size >= usersMax ? failures.keys() : [];
      if (oldest !== undefined) failures.delete(oldest);
      failures.set(userId, { count, at: clock.now() });
    },
    succeeded(userId) {
      failures.delete(userId);
    },
  };
}
