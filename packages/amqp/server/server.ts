// The socket door to a broker: AMQP 0-9-1 over TCP or TLS.
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, TLSSocket } from "node:tls";
import type { Service } from "@micronova/kit";
import { sleepUnlessAborted } from "@micronova/kit";
import type { Broker } from "../broker.ts";
import { ReplyError } from "../codec/reply-codes.ts";
import { amqpErrors } from "../errors.ts";
import { Connection } from "./connection.ts";
import type { Certificate } from "./sasl.ts";

export interface Tls {
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate of this authority, and may log in by the name in it (EXTERNAL). */
  readonly clientCa?: string;
}

export interface ServeOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: Tls;
}

export interface AmqpService extends Service {
  readonly host: string;
  /** The port it listens on, once started. */
  readonly port: number;
  readonly connectionCount: number;
}

const tickMs = 1_000;
// How long clients may take to answer a close before their sockets are cut.
const stopWithinMs = 2_000;
const tlsWithinMs = 10_000;
const backlog = 1_024;

export function serveAmqp(broker: Broker, options: ServeOptions): AmqpService {
  return new AmqpServer(broker, options);
}

class AmqpServer implements AmqpService {
  readonly name = "AMQP";
  readonly #broker: Broker;
  readonly #options: ServeOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** Also of those who have not come as far as AMQP. */
  readonly #sockets = new Set<Socket>();
  readonly #stopping = new AbortController();

  constructor(broker: Broker, options: ServeOptions) {
    this.#broker = broker;
    this.#options = options;
    this.#server = serverOf(options, (socket) => this.#accept(socket));
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  get host(): string {
    return this.#options.host;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.port;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  async start(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException) =>
        reject(amqpErrors.notListening(host, port, error.code ?? error.message));
      this.#server.once("error", refused);
      this.#server.listen({ host, port, backlog }, () => {
        this.#server.off("error", refused);
        // One that cannot be accepted, for want of file descriptors say, must not end the others.
        this.#server.on("error", (error) => this.#broker.platform.log.error({ error }, "AMQP accept failed"));
        resolve();
      });
    });
    void this.#tick();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const reason = new ReplyError(
      "CONNECTION_FORCED",
      "broker forced connection closure with reason 'shutdown'",
    );
    for (const connection of this.#connections) connection.close(reason);
    const patience = new AbortController();
    const cut = this.#broker.platform.clock.sleep(stopWithinMs, patience.signal).then(
      () => {
        for (const socket of this.#sockets) socket.destroy();
      },
      // Aborted: everybody has left in time.
      () => undefined,
    );
    await closed;
    patience.abort();
    await cut;
  }

  #accept(socket: Socket): void {
    const connection = new Connection({
      broker: this.#broker,
      socket,
      certificate: this.#options.tls?.clientCa === undefined ? null : certificateOf(socket),
      log: this.#broker.platform.log,
      closed: (gone) => this.#forget(gone),
    });
    this.#connections.add(connection);
    this.#broker.connections.add(connection);
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    this.#broker.connections.delete(connection);
  }

  /** One clock for all connections: ten thousand idle ones cost no timer each. */
  async #tick(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      // Rejects when the server stops, which the loop's condition then sees.
      await sleepUnlessAborted(this.#broker.platform.clock, tickMs, signal);
      for (const connection of this.#connections) connection.tick();
    }
  }
}

function serverOf({ tls }: ServeOptions, accept: (socket: Socket) => void): Server {
  if (tls === undefined) return createServer(accept);
  const { cert, key, clientCa } = tls;
  const clients = clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true };
  return createTlsServer({ cert, key, handshakeTimeout: tlsWithinMs, ...clients }, accept);
}

/** Of RabbitMQ's ways to name a user by certificate the one by common name. */
function certificateOf(socket: Socket): Certificate {
  const subject = socket instanceof TLSSocket ? socket.getPeerCertificate().subject : undefined;
  // Several common names come as a list, whatever the type says.
  const name: unknown = subject?.CN;
  return { name: typeof name === "string" ? name : null };
}
