// A connection: its handshake, its channels, and its end, which may be the peer's, an error's or silence's.
import type { Socket } from "node:net";
import type { Log, Millis } from "@micronova/kit";
import type { User } from "../access/user.ts";
import type { Broker, OpenConnection } from "../broker.ts";
import { type FrameHandler, frameKinds } from "../codec/frame-parser.ts";
import { type Method, methodKey, readMethod } from "../codec/method-codec.ts";
import { Reader } from "../codec/reader.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import type { MessageQueue, QueueOwner } from "../queue/message-queue.ts";
import { TrafficStats } from "../statistics.ts";
import {
  type ConnectionStatus,
  connectionName,
  connectionStatus,
  peerOf,
} from "../status/connection-status.ts";
import type { VirtualHost } from "../virtual-host.ts";
import type { Journal } from "../virtual-host-deps.ts";
import { basicMethods } from "./basic-methods.ts";
import { Channel } from "./channel.ts";
import { channelMethods } from "./channel-methods.ts";
import { type ClientCapabilities, capabilitiesOf } from "./client-capabilities.ts";
import { exchangeMethods } from "./exchange-methods.ts";
import { Handshake, protocolHeader } from "./handshake.ts";
import { Intake } from "./intake.ts";
import type { MethodTable } from "./method-table.ts";
import { Output } from "./output.ts";
import { queueMethods } from "./queue-methods.ts";
import { replyOf } from "./replies.ts";
import type { Certificate } from "./sasl.ts";

export interface ConnectionDeps {
  readonly broker: Broker;
  readonly socket: Socket;
  /** Null when its listener asks for none. */
  readonly certificate: Certificate | null;
  readonly log: Log;
  readonly closed: (connection: Connection) => void;
}

const methodTable: MethodTable = { ...exchangeMethods, ...queueMethods, ...basicMethods, ...channelMethods };
const publishKey = methodKey(60, 40);
// Frames are small until more is agreed upon.
const frameMaxFirst = 4096;
const basicClass = 60;
// So many definitions are made before others have their turn.
const askedATurn = 64;
// A close that is not answered for so many seconds has nobody to answer it.
const closingSecondsMax = 5;
const handshakeSecondsMax = 10;
// The only reply of this code before a connection is open.
const loginRefused = 403;

export class Connection implements FrameHandler, OpenConnection, QueueOwner {
  readonly output: Output;
  readonly journal: Journal | null;
  /** The queues that are its own and go with it. */
  readonly exclusive = new Set<MessageQueue>();
  readonly traffic = new TrafficStats();
  readonly #connectedAt: Millis;
  client: ClientCapabilities = capabilitiesOf({});
  readonly #deps: ConnectionDeps;
  readonly #intake: Intake;
  readonly #handshake: Handshake;
  readonly #channels = new Map<number, Channel>();
  #last: Channel | null = null;
  #host: VirtualHost | null = null;
  #state: "header" | "handshake" | "open" | "closing" | "closed" = "header";
  #header: Buffer | null = null;
  #hasRead = false;
  #silentSeconds = 0;
  #quietSeconds = 0;
  #stateSeconds = 0;
  /** How many definitions were asked for since it was read from. */
  #asked = 0;
  #isDeaf = false;

  constructor(deps: ConnectionDeps) {
    const { socket, broker, certificate } = deps;
    this.#deps = deps;
    this.output = new Output(socket, broker.form, this.traffic);
    this.journal = broker.journal;
    // Whoever has an answer may rely on what he settled before he asked.
    this.output.beforeWrite = broker.journal?.writeDown ?? null;
    this.#connectedAt = broker.platform.clock.now();
    this.#intake = new Intake(
      { socket, handler: this, failed: (error) => this.#failed(error) },
      frameMaxFirst,
    );
    const remoteAddress = socket.remoteAddress ?? "";
    this.#handshake = new Handshake({ broker, output: this.output, remoteAddress, certificate });
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => this.#drained());
    socket.on("error", (error) => deps.log.debug({ error }, "AMQP connection failed"));
    socket.on("close", () => this.#end());
  }

  get user(): User | null {
    return this.#handshake.user;
  }

  get host(): VirtualHost | null {
    return this.#host;
  }

  get name(): string {
    return connectionName(this.#deps.socket);
  }

  get peer() {
    return peerOf(this.#deps.socket);
  }

  get channels(): readonly Channel[] {
    return [...this.#channels.values()].filter(({ isClosing }) => !isClosing);
  }

  status(): ConnectionStatus {
    return connectionStatus({
      socket: this.#deps.socket,
      handshake: this.#handshake,
      host: this.#host?.name ?? null,
      state: this.#intake.isHeldBy("alarm") && this.#state === "open" ? "blocked" : stateNames[this.#state],
      connectedAt: this.#connectedAt,
      channelCount: this.channels.length,
      traffic: this.traffic,
    });
  }

  /** A name nobody else has, as RabbitMQ's look. */
  newName(): string {
    return this.#deps.broker.newName();
  }

  queueGone(queue: MessageQueue): void {
    this.exclusive.delete(queue);
  }

  channelClosed(): void {
    this.#deps.broker.churn.channel_closed++;
  }

  forget(channel: Channel): void {
    this.#channels.delete(channel.number);
    if (this.#last === channel) this.#last = null;
  }

  /** Closes it in order, with a reason. */
  close(reason: ReplyError): void {
    if (this.#state === "open" || this.#state === "handshake") this.#fail(reason, 0, 0);
    else this.#deps.socket.destroy();
  }

  /** Reads no more of who publishes while the broker cannot take more; those who only consume go on. */
  #block(): void {
    if (this.#intake.isHeldBy("alarm")) return;
    this.#intake.hold("alarm");
    const { alarmReason: reason } = this.#deps.broker;
    if (this.client.isBlockable) this.output.method(0, "connection.blocked", { reason });
  }

  /** Who waits for confirms may wait for long, and is told why; others are once they publish. */
  alarmBegan(): void {
    const isWaiting = this.channels.some(({ confirms }) => (confirms?.waitingCount ?? 0) > 0);
    if (isWaiting) this.#block();
  }

  alarmEnded(): void {
    if (!this.#intake.letGo("alarm") || this.#state !== "open") return;
    if (this.client.isBlockable) this.output.method(0, "connection.unblocked", {});
  }

  /** Called once a second: heartbeats, and patience that ends. */
  tick(): void {
    this.#silentSeconds = this.#hasRead ? 0 : this.#silentSeconds + 1;
    this.#quietSeconds = this.output.hasWritten ? 0 : this.#quietSeconds + 1;
    this.#hasRead = false;
    this.output.hasWritten = false;
    this.#stateSeconds++;
    const { heartbeatSeconds } = this.#handshake.tuning;
    if (this.#state !== "open") {
      const patience = this.#state === "closing" ? closingSecondsMax : handshakeSecondsMax;
      if (this.#stateSeconds > patience) this.#deps.socket.destroy();
    } else if (heartbeatSeconds > 0) {
      // Of one that is held nothing is read, so its silence means nothing.
      if (this.#silentSeconds >= heartbeatSeconds * 2 && !this.#intake.isHeld) {
        this.#deps.log.info({ heartbeatSeconds }, "AMQP connection dropped, missed heartbeats from client");
        this.#deps.socket.destroy();
      } else if (this.#quietSeconds >= heartbeatSeconds / 2) this.output.heartbeat();
    }
  }

  // What comes in

  #read(chunk: Buffer): void {
    this.#hasRead = true;
    this.traffic.recv_cnt++;
    this.traffic.recv_oct += chunk.length;
    if (this.#isDeaf) {
      // What came is most likely the answer to our close, which can no longer be found in the stream.
      this.#deps.socket.end();
      return;
    }
    this.#asked = 0;
    if (this.#state !== "header") this.#intake.push(chunk);
    else this.#readHeader(chunk);
    if (this.journal?.isBehind === true) this.#waitForDisk(this.journal);
    else if (this.#last?.publishing.isAhead === true) this.#letOthers();
  }

  #failed(error: unknown): void {
    this.#fail(this.#reply(error), 0, 0);
    this.#isDeaf = true;
  }

  /** Reads no more until what came is on disk: memory is no place for what the disk cannot take. */
  #waitForDisk(journal: Journal): void {
    if (this.#intake.isHeldBy("journal")) return;
    this.#intake.hold("journal");
    journal.whenSynced(journal.batch, () => this.#intake.letGo("journal"));
  }

  /** Reads on in the next turn: who floods would else be read alone, for thousands of messages or methods. */
  #letOthers(): void {
    this.#intake.hold("turn");
    setImmediate(() => {
      this.#asked = 0;
      this.#intake.letGo("turn");
    });
  }

  /** Hears no more questions of a client that does not read the answers. */
  holdIfFlooded(): void {
    if (!this.output.isFlooded || this.#state !== "open") return;
    this.#intake.hold("answers");
  }

  #drained(): void {
    this.#intake.letGo("answers");
    for (const channel of this.#channels.values()) channel.wake();
  }

  #readHeader(chunk: Buffer): void {
    const bytes = this.#header === null ? chunk : Buffer.concat([this.#header, chunk]);
    const size = Math.min(bytes.length, protocolHeader.length);
    if (!bytes.subarray(0, size).equals(protocolHeader.subarray(0, size))) {
      // Another protocol is told which one is spoken here.
      this.#deps.socket.end(protocolHeader);
      this.#intake.stop();
      this.#enter("closed");
    } else if (size < protocolHeader.length) this.#header = bytes;
    else {
      this.#header = null;
      this.#enter("handshake");
      this.#handshake.start();
      if (bytes.length > size) this.#intake.push(bytes.subarray(size));
    }
  }

  frame(kind: number, number: number, bytes: Buffer, start: number, end: number): void {
    if (this.#state === "closed") return;
    if (kind === frameKinds.heartbeat) {
      if (number !== 0)
        throw new ReplyError("UNEXPECTED_FRAME", `a heartbeat belongs to no channel, this one to ${number}`);
      if (end !== start) throw new ReplyError("FRAME_ERROR", "a heartbeat is empty");
      return;
    }
    if (kind !== frameKinds.method && kind !== frameKinds.header)
      throw new ReplyError("FRAME_ERROR", `type ${kind}, all octets = <<>>: unknown_frame`);
    if (number === 0) this.#control(kind, Reader.strict(bytes, start, end));
    else if (this.#state === "open") this.#channelFrame(kind, number, bytes, start, end);
    else if (this.#state === "handshake")
      throw new ReplyError("CHANNEL_ERROR", `unexpected frame on channel ${number} during the handshake`);
  }

  body(number: number, bytes: Buffer, start: number, end: number): void {
    if (this.#state !== "open") return;
    const channel = this.#channel(number);
    if (channel.isClosing) return;
    try {
      channel.publishing.body(bytes, start, end);
    } catch (error) {
      this.#failChannel(channel, error, 60, 40);
    }
  }

  #channelFrame(kind: number, number: number, bytes: Buffer, start: number, end: number): void {
    const isMethod = kind === frameKinds.method && end - start >= 4;
    // A header is the second part of a publish.
    const key = isMethod ? bytes.readUInt32BE(start) : publishKey;
    const known = this.#last?.number === number ? this.#last : this.#channels.get(number);
    if (known === undefined) {
      this.#openChannel(kind, number, Reader.strict(bytes, start, end));
      return;
    }
    this.#last = known;
    if (known.isClosing) this.#whileClosing(known, key);
    else
      try {
        if (kind === frameKinds.header) known.publishing.header(bytes, start, end);
        else if (known.publishing.isMidway)
          throw new ReplyError(
            "UNEXPECTED_FRAME",
            "expected content header for class 60, got non content header frame instead",
          );
        else if (key === publishKey) {
          if (this.#deps.broker.isAlarmed) this.#block();
          known.publishing.method(bytes, start, end);
        } else {
          this.#channelMethod(known, readMethod(Reader.strict(bytes, start, end)));
          this.holdIfFlooded();
          // Messages and what settles them are cheap; definitions are not.
          if (key >>> 16 !== basicClass && ++this.#asked === askedATurn) this.#letOthers();
        }
      } catch (error) {
        this.#failChannel(known, error, key >>> 16, key & 0xffff);
      }
  }

  #channelMethod(channel: Channel, method: Method): void {
    const handle = methodTable[method.name];
    if (handle === undefined)
      throw new ReplyError("COMMAND_INVALID", `unexpected method '${method.name}' on a channel`);
    // The table's row has the arguments of the method of its name.
    (handle as (channel: Channel, args: Method["args"]) => void)(channel, method.args);
  }

  #openChannel(kind: number, number: number, reader: Reader): void {
    const isOpen = kind === frameKinds.method && readMethod(reader).name === "channel.open";
    if (!isOpen) throw new ReplyError("CHANNEL_ERROR", "expected 'channel.open'");
    const { channelMax } = this.#handshake.tuning;
    if (number > channelMax)
      throw new ReplyError(
        "NOT_ALLOWED",
        `number of channels opened (${number}) has reached the negotiated channel_max (${channelMax})`,
      );
    // An open connection has both.
    const channel = new Channel(this, number, this.#host as VirtualHost, this.#handshake.user as User);
    this.#channels.set(number, channel);
    this.#deps.broker.churn.channel_created++;
    this.output.method(number, "channel.open-ok", { channelId: Buffer.alloc(0) });
  }

  /** After a channel was closed by us, only the answer to that matters, or the peer's own close. */
  #whileClosing(channel: Channel, key: number): void {
    if (key === methodKey(20, 40)) this.output.method(channel.number, "channel.close-ok", {});
    if (key === methodKey(20, 41)) this.forget(channel);
  }

  #channel(number: number): Channel {
    const channel = this.#last?.number === number ? this.#last : this.#channels.get(number);
    if (channel === undefined) throw new ReplyError("CHANNEL_ERROR", "expected 'channel.open'");
    return channel;
  }

  /** Methods of the connection itself. */
  #control(kind: number, reader: Reader): void {
    if (kind !== frameKinds.method) throw new ReplyError("UNEXPECTED_FRAME", "expected method frame");
    const method = readMethod(reader);
    if (method.name === "connection.close") {
      this.#release();
      this.output.method(0, "connection.close-ok", {});
      this.#finish();
    } else if (method.name === "connection.close-ok") this.#finish();
    else if (this.#state === "handshake") this.#shake(method);
    else if (this.#state !== "open") return;
    // As with RabbitMQ's own users, a secret that ends with the connection has nothing to renew.
    else if (method.name === "connection.update-secret")
      this.output.method(0, "connection.update-secret-ok", {});
    else throw new ReplyError("COMMAND_INVALID", `unexpected method '${method.name}' on channel 0`);
  }

  #shake(method: Method): void {
    this.#host = this.#handshake.step(method);
    const { frameMax } = this.#handshake.tuning;
    this.#intake.frameMax = frameMax;
    this.output.frameMax = frameMax;
    if (this.#host === null) return;
    this.#deps.broker.churn.connection_created++;
    this.client = capabilitiesOf(this.#handshake.clientProperties);
    this.#enter("open");
  }

  // Errors and the end

  #reply(error: unknown): ReplyError {
    const reply = replyOf(error, this.#host?.name ?? "");
    if (reply !== null) return reply;
    this.#deps.log.error({ error }, "AMQP connection closed by a defect");
    return new ReplyError("INTERNAL_ERROR", "the broker failed; its log says how");
  }

  #failChannel(channel: Channel, error: unknown, classId: number, methodId: number): void {
    const reply = this.#reply(error);
    if (reply.isHard) {
      this.#fail(reply, classId, methodId);
      return;
    }
    channel.close();
    channel.isClosing = true;
    const replyText = shortened(reply.message);
    this.output.method(channel.number, "channel.close", {
      replyCode: reply.code,
      replyText,
      classId,
      methodId,
    });
  }

  #fail(reply: ReplyError, classId: number, methodId: number): void {
    if (this.#state === "closing" || this.#state === "closed") {
      this.#deps.socket.destroy();
      return;
    }
    const { hearsRefusals } = capabilitiesOf(this.#handshake.clientProperties);
    if (this.#state === "handshake" && reply.code === loginRefused && !hearsRefusals) {
      this.#deps.socket.destroy();
      return;
    }
    // Its answer must be heard.
    this.#intake.letGoOfAll();
    this.#release();
    const replyText = shortened(reply.message);
    this.output.method(0, "connection.close", { replyCode: reply.code, replyText, classId, methodId });
    this.#enter("closing");
  }

  #finish(): void {
    this.output.flush();
    this.#intake.stop();
    this.#enter("closed");
    this.#deps.socket.end();
  }

  #end(): void {
    this.#release();
    this.#enter("closed");
    if (this.#host !== null) this.#deps.broker.churn.connection_closed++;
    this.#deps.closed(this);
  }

  /** Gives back what it held, and drops what was its own. */
  #release(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
    this.#last = null;
    for (const queue of this.exclusive) this.#host?.deleteQueue(queue.name);
  }

  #enter(state: "handshake" | "open" | "closing" | "closed"): void {
    this.#state = state;
    this.#stateSeconds = 0;
    // The answer to a close must be heard.
    if (state === "closing") this.#intake.letGoOfAll();
  }
}

const stateNames = {
  header: "starting",
  handshake: "starting",
  open: "running",
  closing: "closing",
  closed: "closed",
} as const;

const textMax = 255;

/** As much of a text as a short string holds, in RabbitMQ's way. */
function shortened(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= textMax) return text;
  const ellipsis = "...";
  const part = bytes.subarray(0, textMax - ellipsis.length).toString();
  return `${part.replace(/\uFFFD+$/, "")}${ellipsis}`;
}
