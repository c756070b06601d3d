// Who sees and changes an image: its owner, those it is shared with, everybody, or an administrator.

import { httpErrors } from "@micronova/http";
import type { RequestContext } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import type { ImageTable, Visibility } from "./tables.ts";

const seenByAll: Readonly<Record<Visibility, boolean>> = {
  public: true,
  community: true,
  shared: false,
  private: false,
};

export async function visibleTo(tx: Tx, context: RequestContext, image: ImageTable): Promise<boolean> {
  if (context.isAdmin || seenByAll[image.visibility] || owns(context, image)) return true;
  if (image.visibility !== "shared" || context.projectId === null) return false;
  const member = await tx
    .selectFrom("image_members")
    .select("member_id")
    .where("image_id", "=", image.id)
    .where("member_id", "=", context.projectId)
    .executeTakeFirst();
  return member !== undefined;
}

export function owns(context: RequestContext, image: Pick<ImageTable, "owner">): boolean {
  return context.projectId !== null && image.owner === context.projectId;
}

/** Throws 403 with the rule's name unless the image is the project's own or an administrator asks. */
export function mustOwn(context: RequestContext, image: Pick<ImageTable, "owner">, rule: string): void {
  if (!context.isAdmin && !owns(context, image)) throw httpErrors.forbidden(rule);
}

/** Only administrators show images to everybody. */
export function mayPublish(context: RequestContext, visibility: Visibility | undefined): void {
  if (visibility === "public" && !context.isAdmin) throw httpErrors.forbidden("publicize_image");
}
