// oslo.messaging's outer envelope, version 2.0: what Python's services wrap a message in on the wire. Doors
// to sockets are given it, so that calls, answers and notifications are theirs as well as ours.
import type { Json, WireForm } from "@micronova/amqp";

export const osloEnvelope: WireForm = {
  contentType: "application/json",
  encode: (body) => JSON.stringify({ "oslo.version": "2.0", "oslo.message": JSON.stringify(body) }),
  decode(text) {
    // What JSON text says is JSON.
    const outer = JSON.parse(text) as Json;
    if (typeof outer !== "object" || outer === null || !("oslo.message" in outer)) return outer;
    const { "oslo.message": inner, "oslo.version": version } = outer;
    // An envelope of another version stays closed: nobody takes it for a call.
    const isOurs = typeof inner === "string" && typeof version === "string" && version.startsWith("2.");
    return isOurs ? (JSON.parse(inner) as Json) : outer;
  },
};
