// What was published and not yet confirmed. It is sent in order, again after every reconnection, until the
// broker says that it is responsible.
import type { Content } from "../content.ts";
import { amqpErrors } from "../errors.ts";
import type { Link } from "./link.ts";

interface Parcel {
  readonly content: Content;
  readonly mandatory: boolean;
  readonly id: string | null;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  isReturned: boolean;
}

// Enough to bridge a broker's restart; beyond it publishers learn that nobody listens.
const waitingMax = 100_000;

export class Outbox {
  /** By delivery tag, once sent on the present channel. */
  readonly #sent = new Map<number, Parcel>();
  #unsent: Parcel[] = [];
  #tags = 0;

  get count(): number {
    return this.#sent.size + this.#unsent.length;
  }

  /** Resolves when the broker has it. `id` is the message's, by which a return is recognized. */
  add(content: Content, mandatory: boolean, id: string | null): Promise<void> {
    if (this.count >= waitingMax) return Promise.reject(amqpErrors.outboxFull(waitingMax));
    return new Promise((resolve, reject) => {
      this.#unsent.push({ content, mandatory, id, resolve, reject, isReturned: false });
    });
  }

  /** Sends what waits on a channel in confirm mode. */
  send({ output }: Link, channel: number): void {
    const parcels = this.#unsent;
    this.#unsent = [];
    for (const parcel of parcels) {
      const { exchange, key: routingKey } = parcel.content.label;
      const { mandatory } = parcel;
      output.method(channel, "basic.publish", { exchange, routingKey, mandatory, immediate: false });
      output.content(channel, parcel.content);
      this.#sent.set(++this.#tags, parcel);
    }
  }

  /** The channel is gone: what it had not confirmed is to be sent again, before anything newer. */
  lost(): void {
    this.#unsent = [...this.#sent.values(), ...this.#unsent];
    this.#sent.clear();
    this.#tags = 0;
  }

  confirmed(tag: number, multiple: boolean): void {
    for (const { content, isReturned, resolve, reject } of this.#take(tag, multiple)) {
      const { exchange, key } = content.label;
      if (isReturned) reject(amqpErrors.unroutable(exchange, key));
      else resolve();
    }
  }

  refused(tag: number, multiple: boolean): void {
    for (const { content, reject } of this.#take(tag, multiple))
      reject(amqpErrors.publishRefused(content.label.key));
  }

  /** A return comes before its confirm. */
  returned(id: string | undefined): void {
    for (const parcel of this.#sent.values())
      if (parcel.mandatory && parcel.id === id) parcel.isReturned = true;
  }

  /** Gives up on what goes to an exchange that is not there, or on everything. */
  reject(error: unknown, exchange: string | null = null): void {
    const isMeant = ({ content }: Parcel) => exchange === null || content.label.exchange === exchange;
    for (const [tag, parcel] of [...this.#sent]) {
      if (!isMeant(parcel)) continue;
      this.#sent.delete(tag);
      parcel.reject(error);
    }
    const meant = this.#unsent.filter(isMeant);
    this.#unsent = this.#unsent.filter((parcel) => !isMeant(parcel));
    for (const { reject } of meant) reject(error);
  }

  #take(tag: number, multiple: boolean): readonly Parcel[] {
    const parcels: Parcel[] = [];
    for (const [one, parcel] of this.#sent) {
      // Tags grow in the order of the map.
      if (one > tag || (!multiple && one !== tag)) {
        if (one > tag) break;
        continue;
      }
      this.#sent.delete(one);
      parcels.push(parcel);
    }
    return parcels;
  }
}
