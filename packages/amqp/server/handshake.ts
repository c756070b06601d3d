// The beginning of a connection: protocol header, start, tune, open. It ends with a user and a virtual host.
import type { User } from "../access/user.ts";
import type { Broker } from "../broker.ts";
import type { Args, Method } from "../codec/method-codec.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import type { Table } from "../codec/table.ts";
import type { VirtualHost } from "../virtual-host.ts";
import type { Output } from "./output.ts";
import { type Certificate, mechanismsFor } from "./sasl.ts";

/** What was agreed upon. */
export interface Tuning {
  readonly channelMax: number;
  readonly frameMax: number;
  readonly heartbeatSeconds: number;
}

export interface HandshakeDeps {
  readonly broker: Broker;
  readonly output: Output;
  readonly remoteAddress: string;
  /** Null when its listener asks for none. */
  readonly certificate: Certificate | null;
}

export const protocolHeader = Buffer.from("AMQP\x00\x00\x09\x01", "latin1");

// RabbitMQ's own offers.
const offered: Tuning = { channelMax: 2047, frameMax: 131_072, heartbeatSeconds: 60 };
const frameMin = 4096;
const loopback = /^(?:::1|(?:::ffff:)?127\.)/;

// The product is the dialect that is spoken: kombu, and with it Celery and oslo.messaging, believes in
// AMQP's own meaning of `basic.qos` unless it reads RabbitMQ here. Who speaks it stands under platform.
/** The version of RabbitMQ that is spoken: some clients choose by it what they may ask for. */
export const rabbitVersion = "3.13.0";

const serverProperties: Table = {
  capabilities: {
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    "basic.nack": true,
    consumer_cancel_notify: true,
    "connection.blocked": true,
    consumer_priorities: true,
    authentication_failure_close: true,
    per_consumer_qos: true,
    direct_reply_to: true,
  },
  cluster_name: "micronova",
  product: "RabbitMQ",
  platform: "Micronova on Node.js",
  version: rabbitVersion,
};

export class Handshake {
  readonly #deps: HandshakeDeps;
  #expects: "connection.start-ok" | "connection.tune-ok" | "connection.open" = "connection.start-ok";
  user: User | null = null;
  mechanism: string | null = null;
  clientProperties: Table = {};
  tuning: Tuning = { ...offered, frameMax: frameMin };

  constructor(deps: HandshakeDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#deps.output.method(0, "connection.start", {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties,
      mechanisms: Buffer.from([...mechanismsFor(this.#deps.certificate).keys()].join(" ")),
      locales: Buffer.from("en_US"),
    });
  }

  /** Takes the next step; returns the virtual host when it was the last. */
  step(method: Method): VirtualHost | null {
    if (method.name !== this.#expects)
      throw new ReplyError("COMMAND_INVALID", `expected '${this.#expects}', got '${method.name}'`);
    if (method.name === "connection.start-ok") this.#startOk(method.args);
    else if (method.name === "connection.tune-ok") this.#tuneOk(method.args);
    else if (method.name === "connection.open") return this.#open(method.args.virtualHost);
    return null;
  }

  #startOk({ mechanism, response, clientProperties }: Args<"connection.start-ok">): void {
    const { broker, output, remoteAddress, certificate } = this.#deps;
    this.clientProperties = clientProperties;
    const authenticate = mechanismsFor(certificate).get(mechanism);
    if (authenticate === undefined)
      throw new ReplyError("COMMAND_INVALID", `unknown authentication mechanism '${mechanism}'`);
    const user = authenticate(broker.access, { response: Buffer.from(response), certificate });
    const isIn = user !== null && !(user.isLocalOnly && !loopback.test(remoteAddress));
    broker.auth.count(isIn);
    if (!isIn)
      throw new ReplyError(
        "ACCESS_REFUSED",
        `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
        { isHard: true },
      );
    this.user = user;
    this.mechanism = mechanism;
    const { channelMax, frameMax, heartbeatSeconds: heartbeat } = offered;
    output.method(0, "connection.tune", { channelMax, frameMax, heartbeat });
    this.#expects = "connection.tune-ok";
  }

  #tuneOk({ channelMax, frameMax, heartbeat }: Args<"connection.tune-ok">): void {
    if (frameMax !== 0 && frameMax < frameMin)
      throw new ReplyError(
        "NOT_ALLOWED",
        `negotiated frame_max = ${frameMax} is lower than the minimum allowed value (${frameMin})`,
      );
    if (frameMax > offered.frameMax)
      throw new ReplyError(
        "NOT_ALLOWED",
        `negotiated frame_max = ${frameMax} is greater than the maximum allowed value (${offered.frameMax})`,
      );
    this.tuning = {
      channelMax: channelMax === 0 ? offered.channelMax : Math.min(channelMax, offered.channelMax),
      frameMax: frameMax === 0 ? offered.frameMax : frameMax,
      heartbeatSeconds: heartbeat,
    };
    this.#expects = "connection.open";
  }

  #open(name: string): VirtualHost {
    const host = this.#deps.broker.hosts.get(name);
    // Set by the first step.
    const user = this.user as User;
    if (host === undefined) throw new ReplyError("NOT_ALLOWED", `vhost ${name} not found`);
    if (!user.mayOpen(name))
      throw new ReplyError("NOT_ALLOWED", `access to vhost '${name}' refused for user '${user.name}'`);
    this.#deps.output.method(0, "connection.open-ok", {});
    return host;
  }
}
