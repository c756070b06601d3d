// A channel of a link: requests with their answers in order, and what comes unasked. Like its link it is used
// once; whoever wants to go on after it was closed opens another.
import type { Args, Method } from "../codec/method-codec.ts";
import { type MethodName, type MethodSpec, methods } from "../codec/methods.ts";
import { Properties } from "../codec/properties.ts";
import type { Reader } from "../codec/reader.ts";
import { type Content, contentOfBytes, Label } from "../content.ts";
import type { Output } from "../server/output.ts";
import { LinkLost, RemoteClose } from "./remote-close.ts";

export interface ChannelEvents {
  /** What comes unasked: deliveries and returns with their content, confirms, cancels. */
  method(channel: LinkChannel, method: Method, content: Content | null): void;
  /** The broker closed it. Not told when the link ends. */
  closed(channel: LinkChannel, reason: RemoteClose): void;
}

interface Request {
  readonly name: MethodName;
  readonly expects: MethodName;
  readonly resolve: (method: Method) => void;
  readonly reject: (error: Error) => void;
}

interface Arriving {
  readonly method: Method;
  properties: Properties | null;
  size: number;
  received: number;
  readonly parts: Buffer[];
}

export interface ChannelDeps {
  readonly number: number;
  readonly output: Output;
  readonly events: ChannelEvents;
  /** Its number may be given again. */
  readonly released: (number: number) => void;
}

export class LinkChannel {
  readonly #deps: ChannelDeps;
  #requests: Request[] = [];
  #arriving: Arriving | null = null;
  /** Why it can no longer be used. */
  #reason: Error | null = null;

  constructor(deps: ChannelDeps) {
    this.#deps = deps;
  }

  get isOpen(): boolean {
    return this.#reason === null;
  }

  /** Whether the broker keeps up well enough to be sent more. */
  get hasRoom(): boolean {
    return this.#deps.output.hasRoom;
  }

  /** Sends a method and waits for its answer. Answers come in the order of the requests. */
  request<M extends MethodName, A extends MethodName>(name: M, args: Args<M>, expects: A): Promise<Args<A>> {
    const answer = this.expect(name, expects);
    this.send(name, args);
    return answer;
  }

  /** Waits for what comes without having been asked for, as the broker's first word does. */
  expect<A extends MethodName>(name: MethodName, expects: A): Promise<Args<A>> {
    if (this.#reason !== null) return Promise.reject(this.#reason);
    return new Promise((resolve, reject) => {
      // Resolved only with the method that is expected.
      this.#requests.push({ name, expects, resolve: (method) => resolve(method.args as Args<A>), reject });
    });
  }

  /** Sends a method that has no answer; on a closed channel it goes nowhere. */
  send<M extends MethodName>(name: M, args: Args<M>): void {
    if (this.isOpen) this.#deps.output.method(this.#deps.number, name, args);
  }

  content(content: Content): void {
    if (this.isOpen) this.#deps.output.content(this.#deps.number, content);
  }

  /** Closes it; the end of the link does as well. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    const bye = { replyCode: 200, replyText: "bye", classId: 0, methodId: 0 };
    const answer = this.request("channel.close", bye, "channel.close-ok");
    this.#reason = new LinkLost(new Error("the channel was closed"));
    // Rejected when the broker was faster, or its link ended, which is what was wanted.
    await answer.catch(() => undefined);
  }

  /** The link ended. A request that was to blame is told what the broker said of it. */
  end(reason: LinkLost, blame: { readonly name: MethodName; readonly error: RemoteClose } | null): void {
    this.#reason = reason;
    const requests = this.#requests;
    this.#requests = [];
    for (const { name, reject } of requests) reject(blame?.name === name ? blame.error : reason);
  }

  // What comes in

  method(method: Method): void {
    const spec: MethodSpec = methods[method.name];
    if (spec.hasContent === true)
      this.#arriving = { method, properties: null, size: 0, received: 0, parts: [] };
    else if (method.name === "channel.close") this.#closedByBroker(method.args);
    else if (this.#requests[0]?.expects === method.name) this.#answered(method);
    else if (this.isOpen) this.#deps.events.method(this, method, null);
  }

  header(reader: Reader): void {
    const arriving = this.#arriving;
    if (arriving === null) return;
    reader.pass(4);
    arriving.size = reader.longlong();
    arriving.properties = new Properties(Buffer.from(reader.bytes.subarray(reader.at, reader.end)));
    this.#completeIfWhole(arriving);
  }

  body(bytes: Buffer, start: number, end: number): void {
    const arriving = this.#arriving;
    if (arriving === null) return;
    arriving.parts.push(bytes.subarray(start, end));
    arriving.received += end - start;
    this.#completeIfWhole(arriving);
  }

  #completeIfWhole({ method, properties, size, received, parts }: Arriving): void {
    if (received < size || properties === null) return;
    this.#arriving = null;
    // What still comes after our close goes back to its queue.
    if (!this.isOpen) return;
    // Of the methods with content only those come that name where they were sent.
    const { exchange, routingKey } = method.args as Args<"basic.deliver">;
    const content = contentOfBytes(new Label(exchange, routingKey), properties, Buffer.concat(parts));
    this.#deps.events.method(this, method, content);
  }

  #answered(method: Method): void {
    this.#requests.shift()?.resolve(method);
    if (method.name === "channel.close-ok") this.#deps.released(this.#deps.number);
  }

  #closedByBroker({ replyCode, replyText }: Args<"channel.close">): void {
    const { number, output, events, released } = this.#deps;
    const reason = new RemoteClose(replyCode, replyText);
    const wasOpen = this.isOpen;
    output.method(number, "channel.close-ok", {});
    // When both closed it, the broker's answer to ours is still to come.
    if (!wasOpen) return;
    this.#reason = reason;
    const requests = this.#requests;
    this.#requests = [];
    released(number);
    for (const { reject } of requests) reject(reason);
    events.closed(this, reason);
  }
}
