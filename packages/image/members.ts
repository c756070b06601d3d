// Whom an image is shared with: projects, who accept it into their lists or do not.

import { httpErrors } from "@micronova/http";
import type { RequestContext, Uuid } from "@micronova/kit";
import { isUniqueViolation, now, type Tx } from "@micronova/store";
import { owns } from "./access.ts";
import { imageErrors } from "./errors.ts";
import { get, type Image } from "./images.ts";
import type { ImageMemberTable, MemberStatus } from "./tables.ts";

export type Member = Readonly<ImageMemberTable>;

/** All members for the owner; a member sees itself only. */
export async function listMembers(tx: Tx, context: RequestContext, id: Uuid): Promise<Member[]> {
  const image = await sharedImage(tx, context, id);
  const all = tx
    .selectFrom("image_members")
    .selectAll()
    .where("image_id", "=", image.id)
    .orderBy("member_id");
  if (context.isAdmin || owns(context, image)) return all.execute();
  return all.where("member_id", "=", context.projectId ?? "").execute();
}

export async function getMember(tx: Tx, context: RequestContext, id: Uuid, member: string): Promise<Member> {
  const image = await get(tx, context, id);
  const mayLook = context.isAdmin || owns(context, image) || context.projectId === member;
  const found = await find(tx, image.id, member);
  if (!mayLook || found === undefined) throw imageErrors.memberNotFound(image.id, member);
  return found;
}

export async function addMember(tx: Tx, context: RequestContext, id: Uuid, member: string): Promise<Member> {
  const image = await sharedImage(tx, context, id);
  if (!context.isAdmin && !owns(context, image)) throw httpErrors.forbidden("add_member");
  const row: ImageMemberTable = {
    image_id: image.id,
    member_id: member,
    status: "pending",
    created_at: now(tx),
    updated_at: now(tx),
  };
  try {
    await tx.insertInto("image_members").values(row).execute();
  } catch (error) {
    throw isUniqueViolation(error) ? imageErrors.memberExists(image.id, member) : error;
  }
  return row;
}

/** Only the project itself accepts or rejects. */
export async function setMemberStatus(
  tx: Tx,
  context: RequestContext,
  change: { readonly id: Uuid; readonly member: string; readonly status: MemberStatus },
): Promise<Member> {
  const image = await sharedImage(tx, context, change.id);
  if (!context.isAdmin && context.projectId !== change.member) throw httpErrors.forbidden("modify_member");
  const row = await tx
    .updateTable("image_members")
    .set({ status: change.status, updated_at: now(tx) })
    .where("image_id", "=", image.id)
    .where("member_id", "=", change.member)
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) throw imageErrors.memberNotFound(image.id, change.member);
  return row;
}

export async function removeMember(tx: Tx, context: RequestContext, id: Uuid, member: string): Promise<void> {
  const image = await sharedImage(tx, context, id);
  if (!context.isAdmin && !owns(context, image)) throw httpErrors.forbidden("delete_member");
  const gone = await tx
    .deleteFrom("image_members")
    .where("image_id", "=", image.id)
    .where("member_id", "=", member)
    .returning("member_id")
    .executeTakeFirst();
  if (gone === undefined) throw imageErrors.memberNotFound(image.id, member);
}

async function sharedImage(tx: Tx, context: RequestContext, id: Uuid): Promise<Image> {
  const image = await get(tx, context, id);
  if (image.visibility !== "shared") throw imageErrors.notShared();
  return image;
}

function find(tx: Tx, id: Uuid, member: string): Promise<Member | undefined> {
  return tx
    .selectFrom("image_members")
    .selectAll()
    .where("image_id", "=", id)
    .where("member_id", "=", member)
    .executeTakeFirst();
}
