// What was published and not yet confirmed. It is sent in order, again after every reconnection, until the
// broker says that it is responsible. Bounded in number and size; while the broker takes nothing it waits
// here and not in the socket.
import type { Clock, Millis } from "@micronova/kit";
import type { Content } from "../content.ts";
import { amqpErrors } from "../errors.ts";
import type { WireForm } from "../wire-form.ts";
import type { LinkChannel } from "./link-channel.ts";

interface Parcel {
  readonly content: Content;
  readonly mandatory: boolean;
  readonly id: string | null;
  readonly size: number;
  /** By the monotonic clock: after it nobody wants the message any more. */
  readonly expiresAt: Millis;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  isReturned: boolean;
}

export interface Publish {
  readonly content: Content;
  readonly mandatory: boolean;
  /** The message's, by which a return is recognized. */
  readonly id: string | null;
}

// Enough to bridge a broker's restart; beyond it publishers learn that nobody listens.
const countMax = 100_000;
const bytesMax = 128 * 1024 * 1024;

export class Outbox {
  readonly #clock: Clock;
  readonly #form: WireForm;
  /** By delivery tag, once sent on the present channel. */
  readonly #sent = new Map<number, Parcel>();
  #unsent: Parcel[] = [];
  #tags = 0;
  #bytes = 0;

  constructor(clock: Clock, form: WireForm) {
    this.#clock = clock;
    this.#form = form;
  }

  /** Resolves when the broker has it. Throws when it is not taken at all. */
  add({ content, mandatory, id }: Publish): Promise<void> {
    // Encoded now, so that what cannot be is refused here, and the size is known.
    content.properties(this.#form);
    content.body(this.#form);
    const { size, expirationMs } = content;
    const count = this.#sent.size + this.#unsent.length;
    if (count >= countMax || (count > 0 && this.#bytes + size > bytesMax)) throw amqpErrors.outboxFull(count);
    const expiresAt =
      expirationMs === null ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + expirationMs;
    this.#bytes += size;
    return new Promise((resolve, reject) => {
      this.#unsent.push({ content, mandatory, id, size, expiresAt, resolve, reject, isReturned: false });
    });
  }

  /** Sends what waits, as much as there is room for, on a channel in confirm mode. */
  send(channel: LinkChannel): void {
    const parcels = this.#unsent;
    const now = this.#clock.monotonic();
    let count = 0;
    while (count < parcels.length && channel.hasRoom) this.#sendOne(channel, parcels[count++]!, now);
    this.#unsent = count === parcels.length ? [] : parcels.slice(count);
  }

  #sendOne(channel: LinkChannel, parcel: Parcel, now: Millis): void {
    const { content, mandatory, expiresAt } = parcel;
    const { exchange, key: routingKey } = content.label;
    if (expiresAt < now) {
      this.#end(parcel, amqpErrors.expired(routingKey));
      return;
    }
    channel.send("basic.publish", { exchange, routingKey, mandatory, immediate: false });
    channel.content(content);
    this.#sent.set(++this.#tags, parcel);
  }

  /** The channel is gone: what it had not confirmed is to be sent again, before anything newer. */
  lost(): void {
    for (const parcel of this.#sent.values()) parcel.isReturned = false;
    this.#unsent = [...this.#sent.values(), ...this.#unsent];
    this.#sent.clear();
    this.#tags = 0;
  }

  confirmed(tag: number, multiple: boolean): void {
    for (const parcel of this.#take(tag, multiple)) {
      const { exchange, key } = parcel.content.label;
      this.#end(parcel, parcel.isReturned ? amqpErrors.unroutable(exchange, key) : null);
    }
  }

  refused(tag: number, multiple: boolean): void {
    for (const parcel of this.#take(tag, multiple))
      this.#end(parcel, amqpErrors.publishRefused(parcel.content.label.key));
  }

  /** A return comes before its confirm, in the order of the messages. */
  returned(id: string | undefined): void {
    for (const parcel of this.#sent.values()) {
      if (!parcel.mandatory || parcel.id !== id || parcel.isReturned) continue;
      parcel.isReturned = true;
      return;
    }
  }

  /** Gives up on what goes to an exchange that is not there, or on everything. */
  reject(error: unknown, exchange: string | null = null): void {
    const isMeant = ({ content }: Parcel) => exchange === null || content.label.exchange === exchange;
    for (const [tag, parcel] of [...this.#sent]) {
      if (!isMeant(parcel)) continue;
      this.#sent.delete(tag);
      this.#end(parcel, error);
    }
    const meant = this.#unsent.filter(isMeant);
    this.#unsent = this.#unsent.filter((parcel) => !isMeant(parcel));
    for (const parcel of meant) this.#end(parcel, error);
  }

  #end(parcel: Parcel, error: unknown): void {
    this.#bytes -= parcel.size;
    if (error === null) parcel.resolve();
    else parcel.reject(error);
  }

  #take(tag: number, multiple: boolean): readonly Parcel[] {
    const parcels: Parcel[] = [];
    // Tags grow in the order of the map.
    for (const one of multiple ? this.#sent.keys() : [tag]) {
      if (one > tag) break;
      const parcel = this.#sent.get(one);
      this.#sent.delete(one);
      if (parcel !== undefined) parcels.push(parcel);
    }
    return parcels;
  }
}
