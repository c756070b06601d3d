// What was done for good, and by whom.
import { pageOf, routesOf, Type } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import { auditLog } from "@micronova/saga";
import type { OperationsDeps } from "../service.ts";

const route = routesOf<OperationsDeps>();

export const listAudit = route({
  method: "GET",
  path: "/audit",
  policy: "operations:audit:list",
  query: Type.Object(
    { limit: Type.Optional(Type.String({ minLength: 1, maxLength: 9 })) },
    { additionalProperties: false },
  ),
  success: 200,
  summary: "Lists what was done for good or by an operator beyond the ordinary, the newest first.",
  async handle(request, { store }) {
    const entries = await auditLog(store.read, pageOf(request).limit);
    return {
      audit: entries.map(({ id, at, requestId, userId, action, about, reason }) => ({
        id,
        at: isoMicros(at),
        request_id: requestId,
        user_id: userId,
        action,
        subject: about,
        reason,
      })),
    };
  },
});
