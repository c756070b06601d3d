// The server's state machine as tables, in Nova's words: which action may start where, what the server is
// said to be doing meanwhile and where it ends; and how `(vm_state, task_state)` reads as the API's `status`.
import { states } from "@micronova/kit";
import type { PowerState } from "./drivers/driver.ts";

export const serverStates = states({
  initial: "building",
  stable: ["active", "stopped", "paused", "suspended", "resized", "error", "deleted"],
  actions: {
    create: { from: ["building"], task: "scheduling", to: "active", fail: "error" },
    delete: { from: "any", task: "deleting", evenWhileBusy: true, to: "deleted", fail: "error" },
    stop: { from: ["active", "error"], task: "powering-off", to: "stopped", fail: "same" },
    start: { from: ["stopped"], task: "powering-on", to: "active", fail: "same" },
    reboot: { from: ["active"], task: "rebooting", to: "active", fail: "error" },
    hardReboot: {
      from: ["active", "stopped", "paused", "suspended", "error"],
      task: "rebooting_hard",
      to: "active",
      fail: "error",
    },
    pause: { from: ["active"], task: "pausing", to: "paused", fail: "same" },
    unpause: { from: ["paused"], task: "unpausing", to: "active", fail: "same" },
    suspend: { from: ["active"], task: "suspending", to: "suspended", fail: "same" },
    resume: { from: ["suspended"], task: "resuming", to: "active", fail: "error" },
    resize: { from: ["active", "stopped"], task: "resize_prep", to: "resized", fail: "same" },
    migrate: { from: ["active", "stopped"], task: "resize_prep", to: "resized", fail: "same" },
    confirmResize: {
      from: ["resized"],
      task: "resize_confirming",
      to: "active",
      orTo: "stopped",
      fail: "same",
    },
    revertResize: {
      from: ["resized"],
      task: "resize_reverting",
      to: "active",
      orTo: "stopped",
      fail: "same",
    },
    attachVolume: { from: ["active", "paused", "stopped", "resized"], task: null, to: "same", fail: "same" },
    detachVolume: { from: ["active", "paused", "stopped", "resized"], task: null, to: "same", fail: "same" },
    attachInterface: { from: ["active", "paused", "stopped"], task: null, to: "same", fail: "same" },
    detachInterface: { from: ["active", "paused", "stopped"], task: null, to: "same", fail: "same" },
  },
});

export type ServerAction = keyof typeof serverStates.actions;
export type VmState = (typeof serverStates.stable)[number] | typeof serverStates.initial;

/**
 * Tasks during which an action may start all the same: a hard reboot frees a server that hangs in a lesser
 * one.
 */
export const startsDuring: Readonly<Partial<Record<ServerAction, readonly string[]>>> = {
  hardReboot: ["rebooting", "rebooting_hard", "resuming", "unpausing", "pausing", "suspending"],
};

/** Tasks of one action besides its first, in which it may end just as well. */
const laterTasks: Readonly<Partial<Record<ServerAction, readonly string[]>>> = {
  create: ["spawning"],
  resize: ["resize_migrating", "resize_finish"],
  migrate: ["resize_migrating", "resize_finish"],
};

/** Every task that says the action runs; empty for actions that say nothing. */
export function tasksOf(action: ServerAction): readonly string[] {
  const first = serverStates.actions[action].task;
  return first === null ? [] : [first, ...(laterTasks[action] ?? [])];
}

/** Whether the task says that the server is being deleted. */
export const isGoing = (task: string | null): boolean => task === serverStates.actions.delete.task;

/** What a server is before it has ever run. */
export const buildingState: VmState = serverStates.initial;
/** What a server is that something went wrong with. */
export const errorState: VmState = "error";
/** States of servers that need no guest on their host. */
export const guestlessStates: readonly VmState[] = [buildingState, errorState];

/** A move's tasks once its host is chosen, and once the server is there. */
export const movingTasks = { chosen: "resize_migrating", there: "resize_finish" } as const;

/** The task of a build once its host is chosen. */
export const spawningTask = "spawning";

/** Actions that need no server that has run once. */
export const startsUnlaunched: ReadonlySet<ServerAction> = new Set(["create", "delete"]);

/** What an action is called where Nova's texts, its action log and its clients name it. */
export const actionWords: Readonly<Record<ServerAction, { readonly text: string; readonly log: string }>> = {
  create: { text: "create", log: "create" },
  delete: { text: "delete", log: "delete" },
  stop: { text: "stop", log: "stop" },
  start: { text: "start", log: "start" },
  reboot: { text: "reboot", log: "reboot" },
  hardReboot: { text: "reboot", log: "reboot" },
  pause: { text: "pause", log: "pause" },
  unpause: { text: "unpause", log: "unpause" },
  suspend: { text: "suspend", log: "suspend" },
  resume: { text: "resume", log: "resume" },
  resize: { text: "resize", log: "resize" },
  migrate: { text: "migrate", log: "migrate" },
  confirmResize: { text: "confirmResize", log: "confirmResize" },
  revertResize: { text: "revertResize", log: "revertResize" },
  attachVolume: { text: "attach_volume", log: "attach_volume" },
  detachVolume: { text: "detach_volume", log: "detach_volume" },
  attachInterface: { text: "attach_interface", log: "attach_interface" },
  detachInterface: { text: "detach_interface", log: "detach_interface" },
};

/** States in which metadata and tags may be written. */
export const writableStates: readonly string[] = ["active", "paused", "suspended", "stopped"];

/** States that os-resetState may force. */
export const resettableStates = { active: "active", error: "error" } as const;

/** Nova's numbers. */
export const powerStates = {
  pending: 0,
  running: 1,
  paused: 3,
  shutdown: 4,
  crashed: 6,
  suspended: 7,
} as const;

/** The power a server has after an action; absent where the action leaves it alone. */
export const powerAfter: Readonly<Partial<Record<ServerAction, number>>> = {
  create: powerStates.running,
  start: powerStates.running,
  stop: powerStates.shutdown,
  reboot: powerStates.running,
  hardReboot: powerStates.running,
  pause: powerStates.paused,
  unpause: powerStates.running,
  suspend: powerStates.suspended,
  resume: powerStates.running,
  delete: powerStates.pending,
};

/** What a server that was moved is by its guest's power. */
export function movedState(power: number): "active" | "stopped" {
  return power === powerStates.running ? "active" : "stopped";
}

/**
 * What a guest's power says of a server that has no task: it died, or it was started or paused behind our
 * back.
 */
export const stateOfPower: Readonly<
  Record<number, { readonly from: readonly string[]; readonly to: VmState }>
> = {
  [powerStates.running]: { from: ["stopped", "paused", "suspended"], to: "active" },
  [powerStates.paused]: { from: ["active", "stopped", "suspended"], to: "paused" },
  [powerStates.suspended]: { from: ["active", "stopped", "paused"], to: "suspended" },
  [powerStates.shutdown]: { from: ["active", "paused", "suspended"], to: "stopped" },
  [powerStates.crashed]: { from: ["active", "paused", "suspended"], to: "stopped" },
};

/** What a server is whose guest is in this power state and which nothing else is known of. */
export const stateOfGuest: Readonly<Record<PowerState, VmState>> = {
  running: "active",
  paused: "paused",
  shutdown: "stopped",
  crashed: "stopped",
  suspended: "suspended",
};

/** Whether nothing is under way on the server. */
export const isIdle = ({ task_state }: { readonly task_state: string | null }): boolean =>
  task_state === null;

interface StatusRule {
  readonly vm: readonly string[];
  /** Null stands for every task that no earlier row names. */
  readonly tasks: readonly string[] | null;
  readonly status: string;
}

const reverting = ["resize_reverting"];
const resizing = ["resize_prep", "resize_migrating", "resize_migrated", "resize_finish"];
const rebuilding = ["rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"];
const hardRebooting = ["rebooting_hard", "reboot_pending_hard", "reboot_started_hard"];

/** First match wins. The states of later actions are listed too, since clients' filters name them. */
export const statusRules: readonly StatusRule[] = [
  { vm: ["building"], tasks: null, status: "BUILD" },
  { vm: ["active"], tasks: ["rebooting", "reboot_pending", "reboot_started"], status: "REBOOT" },
  { vm: ["active"], tasks: hardRebooting, status: "HARD_REBOOT" },
  { vm: ["active"], tasks: ["updating_password"], status: "PASSWORD" },
  { vm: ["active", "stopped", "error"], tasks: rebuilding, status: "REBUILD" },
  { vm: ["active", "paused"], tasks: ["migrating"], status: "MIGRATING" },
  { vm: ["active", "stopped"], tasks: resizing, status: "RESIZE" },
  { vm: ["resized"], tasks: reverting, status: "REVERT_RESIZE" },
  { vm: ["resized"], tasks: null, status: "VERIFY_RESIZE" },
  { vm: ["active"], tasks: null, status: "ACTIVE" },
  { vm: ["stopped"], tasks: null, status: "SHUTOFF" },
  { vm: ["paused"], tasks: null, status: "PAUSED" },
  { vm: ["suspended"], tasks: null, status: "SUSPENDED" },
  { vm: ["rescued"], tasks: null, status: "RESCUE" },
  { vm: ["error"], tasks: null, status: "ERROR" },
  { vm: ["deleted"], tasks: null, status: "DELETED" },
  { vm: ["soft-delete"], tasks: null, status: "SOFT_DELETED" },
  { vm: ["shelved"], tasks: null, status: "SHELVED" },
  { vm: ["shelved_offloaded"], tasks: null, status: "SHELVED_OFFLOADED" },
];

const byVmState = new Map<string, readonly StatusRule[]>();
for (const vm of new Set(statusRules.flatMap((rule) => rule.vm)))
  byVmState.set(
    vm,
    statusRules.filter((rule) => rule.vm.includes(vm)),
  );

/** The API's word for a server's state. */
export function statusOf(vmState: string, taskState: string | null): string {
  const rules = byVmState.get(vmState) ?? [];
  const rule = rules.find(({ tasks }) => tasks === null || (taskState !== null && tasks.includes(taskState)));
  return rule?.status ?? "UNKNOWN";
}

/** What a filter by status asks of a row. */
export interface StatusCondition {
  readonly vmState: string;
  /** One of these tasks, or, when null, none of `notTasks`. */
  readonly tasks: readonly string[] | null;
  readonly notTasks: readonly string[];
}

/** Every `(vm_state, task_state)` that reads as the status; empty for a word that is none. */
export function conditionsOf(status: string): readonly StatusCondition[] {
  const wanted = status.toUpperCase();
  return [...byVmState].flatMap(([vmState, rules]) =>
    rules.flatMap((rule, at) => {
      if (rule.status !== wanted) return [];
      const notTasks = rule.tasks === null ? rules.slice(0, at).flatMap(({ tasks }) => tasks ?? []) : [];
      return [{ vmState, tasks: rule.tasks, notTasks }];
    }),
  );
}

const withProgress = new Set(["ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"]);
const withFault = new Set(["ERROR", "DELETED"]);

export const showsProgress = (status: string): boolean => withProgress.has(status);
export const showsFault = (status: string): boolean => withFault.has(status);
