// Glance's rules. What depends on the image itself (its owner, its members) is in access.ts and members.ts.
import type { Policies } from "@micronova/http";

export const imagePolicies = {
  add_image: "member",
  delete_image: "member",
  get_image: "reader",
  get_images: "reader",
  modify_image: "member",
  publicize_image: "admin",
  communitize_image: "member",
  download_image: "member",
  upload_image: "member",
  add_member: "member",
  delete_member: "member",
  get_member: "reader",
  get_members: "reader",
  modify_member: "member",
  deactivate: "member",
  reactivate: "member",
  tasks_api_access: "admin",
  // Static knowledge about the service itself.
  discovery: "anyone",
} as const satisfies Policies;
