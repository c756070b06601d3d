// The volume's state machine as tables, in Cinder's words. What a volume is doing is its status too: while an
// action runs, the status is the action's task.
import { states } from "@micronova/kit";

/** Deletion ends in no row; `deleted` stands for that. */
export const volumeStates = states({
  initial: "creating",
  stable: ["available", "reserved", "in-use", "error", "error_deleting", "error_extending", "deleted"],
  actions: {
    create: { from: ["creating"], task: "creating", to: "available", fail: "error" },
    delete: {
      from: ["available", "error", "error_extending"],
      task: "deleting",
      to: "deleted",
      fail: "error_deleting",
    },
    forceDelete: {
      from: ["creating", "available", "error", "error_extending", "error_deleting"],
      task: "deleting",
      to: "deleted",
      fail: "error_deleting",
    },
    extend: { from: ["available"], task: "extending", to: "available", fail: "error_extending" },
    reserve: { from: ["available"], task: "reserved", to: "reserved", fail: "available" },
    attach: { from: ["reserved"], task: "attaching", to: "in-use", fail: "available" },
    detach: { from: ["in-use"], task: "detaching", to: "available", fail: "in-use" },
  },
});

export type VolumeAction = keyof typeof volumeStates.actions;
export type VolumeState = (typeof volumeStates.stable)[number] | typeof volumeStates.initial;
export type VolumeStatus =
  | Exclude<VolumeState, "deleted">
  | "deleting"
  | "extending"
  | "attaching"
  | "detaching";

export const initialStatus: VolumeStatus = "creating";
/** What a volume is once nobody uses it any more. */
export const freeStatus: VolumeStatus = "available";

interface StatusRule {
  readonly from: readonly VolumeStatus[];
  readonly task: VolumeStatus;
  readonly to: VolumeStatus;
  readonly fail: VolumeStatus;
}

/** An action's rule in statuses of rows. */
export function ruleOf(action: VolumeAction): StatusRule {
  // In this table every task is a status, nothing stays the same, and no row is ever `deleted`.
  return volumeStates.actions[action] as unknown as StatusRule;
}

/**
 * What os-reset_status may make of a volume: states that an action can lead on from, and that need no
 * attachment.
 */
export const resetTargets: readonly VolumeStatus[] = [
  "available",
  "error",
  "error_deleting",
  "error_extending",
];

/** Cinder's list in its refusal of a deletion. */
export const deletableWords = "available or error or error_restoring or error_extending or error_managing";

/** What an attachment is, and with it the volume: an attachment and its volume always change together. */
export type AttachStatus = "reserved" | "attaching" | "attached" | "detaching";

export const volumeStatusOf: Readonly<Record<AttachStatus, VolumeStatus>> = {
  reserved: "reserved",
  attaching: "attaching",
  attached: "in-use",
  detaching: "detaching",
};

/** Statuses of volumes that have exactly one attachment; all others have none. */
export const attachedStatuses: readonly VolumeStatus[] = Object.values(volumeStatusOf);

/** How an attachment may change. */
export const attachmentMoves = {
  connect: { from: ["reserved"], to: "attaching" },
  complete: { from: ["reserved", "attaching"], to: "attached" },
  beginDetach: { from: ["attached"], to: "detaching" },
  rollDetach: { from: ["detaching"], to: "attached" },
} as const satisfies Readonly<
  Record<string, { readonly from: readonly AttachStatus[]; readonly to: AttachStatus }>
>;
export type AttachmentMove = keyof typeof attachmentMoves;

/** Statuses in which a volume's description and metadata stay as they are. */
export const frozenStatuses: readonly VolumeStatus[] = ["deleting"];

/** Attachments that a volume's view shows: those a server really has. */
export const shownAttachments: readonly AttachStatus[] = ["attached", "detaching"];
