// What an image may become. A failed upload leaves the image queued, so that it can be tried again.
import { states } from "@micronova/kit";

export type ImageStatus = "queued" | "saving" | "active" | "deactivated";

export type ImageAction = "upload" | "activate" | "deactivate" | "reactivate";

export const imageStates = states<ImageStatus, ImageAction>({
  initial: "queued",
  stable: ["queued", "saving", "active", "deactivated"],
  actions: {
    upload: { from: ["queued"], task: null, to: "saving", fail: "same" },
    activate: { from: ["saving"], task: null, to: "active", fail: "queued" },
    // Asked again, both change nothing and succeed.
    deactivate: { from: ["active", "deactivated"], task: null, to: "deactivated", fail: "same" },
    reactivate: { from: ["active", "deactivated"], task: null, to: "active", fail: "same" },
  },
});

/** What the data of an image may be used for. */
export const dataUse: Readonly<Record<ImageStatus, "none" | "anyone" | "admin">> = {
  queued: "none",
  saving: "none",
  active: "anyone",
  deactivated: "admin",
};
