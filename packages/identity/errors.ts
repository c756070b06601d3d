// Identity's errors, in Keystone's words.
import { errorTable } from "@micronova/kit";

export const errors = errorTable("identity", {
  /** Says nothing about why, on purpose: the reason is in the local log. */
  unauthorized: { status: 401, text: () => "The request you have made requires authentication." },
  busy: { status: 429, text: () => "Too many log-ins wait already; try again in a moment." },
  forbidden: {
    status: 403,
    text: (action: string) => `You are not authorized to perform the requested action: ${action}.`,
  },
  notFound: { status: 404, text: (what: string, id: string) => `Could not find ${what}: ${id}.` },
  invalid: { status: 400, text: (why: string) => why },
  duplicate: {
    status: 409,
    text: (what: string, detail: string) => `Conflict occurred attempting to store ${what} - ${detail}.`,
  },
  domainEnabled: {
    status: 403,
    text: () => "Cannot delete a domain that is enabled, please disable it first.",
  },
  immutable: {
    status: 403,
    text: (verb: "update" | "delete", what: string, id: string) =>
      `Unable to ${verb} immutable ${what} resource: \`${id}. Set resource option "immutable" to false first.`,
  },
  assignmentNotFound: {
    status: 404,
    text: (roleId: string, actorId: string, scopeId: string) =>
      `Could not find role assignment with role: ${roleId}, user or group: ${actorId}, ` +
      `project, domain, or system: ${scopeId}.`,
  },
  impliedNotFound: {
    status: 404,
    text: (priorId: string, impliedId: string) => `${priorId} does not imply ${impliedId}.`,
  },
  unsupported: { status: 501, text: (what: string) => `${what} is not supported by this cloud.` },
  notMember: {
    status: 404,
    text: (userId: string, groupId: string) => `User '${userId}' not found in group '${groupId}'.`,
  },
  /** Does not repeat the text it was shown, which may be somebody's token. */
  tokenNotFound: { status: 404, text: () => "Could not find token." },
});
