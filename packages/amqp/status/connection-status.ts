// How connections and channels are, in the words of RabbitMQ's management API. Statistics are the
// living counters: who wants rates looks at them twice.
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Millis } from "@micronova/kit";
import type { Headers } from "../bus.ts";
import { plainTable } from "../codec/table.ts";
import type { Channel } from "../server/channel.ts";
import type { Handshake } from "../server/handshake.ts";
import type { MessageStats, TrafficStats } from "../statistics.ts";

/** `blocked`: held by an alarm. The others are on their way in or out. */
export type ConnectionState = "starting" | "running" | "blocked" | "closing" | "closed";

export interface ConnectionStatus {
  /** `127.0.0.1:37742 -> 127.0.0.1:5672`. */
  readonly name: string;
  readonly user_provided_name: string | null;
  /** Null until the client has proved who it is. */
  readonly user: string | null;
  /** Null until the client has chosen one. */
  readonly vhost: string | null;
  readonly state: ConnectionState;
  readonly peer_host: string;
  readonly peer_port: number;
  readonly host: string;
  readonly port: number;
  readonly protocol: "AMQP 0-9-1";
  readonly auth_mechanism: string | null;
  readonly ssl: boolean;
  readonly ssl_protocol: string | null;
  readonly ssl_cipher: string | null;
  readonly connected_at: Millis;
  /** Seconds between heartbeats. */
  readonly timeout: number;
  readonly frame_max: number;
  readonly channel_max: number;
  readonly channels: number;
  readonly client_properties: Headers;
  /** Bytes that wait for a slow reader. */
  readonly send_pend: number;
  readonly traffic: TrafficStats;
}

export interface ChannelStatus {
  /** The connection's name and the number in brackets. */
  readonly name: string;
  readonly number: number;
  readonly user: string;
  readonly vhost: string;
  readonly state: "running" | "flow";
  readonly confirm: boolean;
  readonly transactional: boolean;
  readonly consumer_count: number;
  readonly messages_unacknowledged: number;
  readonly messages_unconfirmed: number;
  readonly messages_uncommitted: number;
  readonly acks_uncommitted: number;
  readonly prefetch_count: number;
  readonly global_prefetch_count: number;
  readonly message_stats: MessageStats;
}

/** What a connection knows of itself. */
export interface ConnectionFacts {
  readonly socket: Socket;
  readonly handshake: Handshake;
  readonly host: string | null;
  readonly state: ConnectionState;
  readonly connectedAt: Millis;
  readonly channelCount: number;
  readonly traffic: TrafficStats;
}

export function connectionStatus(facts: ConnectionFacts): ConnectionStatus {
  const { socket, handshake } = facts;
  const { tuning } = handshake;
  const client = plainTable(handshake.clientProperties);
  const given = client["connection_name"];
  const tls = socket instanceof TLSSocket ? socket : null;
  return {
    name: connectionName(socket),
    user_provided_name: typeof given === "string" ? given : null,
    user: handshake.user?.name ?? null,
    vhost: facts.host,
    state: facts.state,
    ...peerOf(socket),
    host: plainAddress(socket.localAddress),
    port: socket.localPort ?? 0,
    protocol: "AMQP 0-9-1",
    auth_mechanism: handshake.mechanism,
    ssl: tls !== null,
    ssl_protocol: tls?.getProtocol() ?? null,
    ssl_cipher: tls?.getCipher().name ?? null,
    connected_at: facts.connectedAt,
    timeout: tuning.heartbeatSeconds,
    frame_max: tuning.frameMax,
    channel_max: tuning.channelMax,
    channels: facts.channelCount,
    client_properties: client,
    send_pend: socket.writableLength,
    traffic: facts.traffic,
  };
}

export function peerOf({ remoteAddress, remotePort = 0 }: Socket) {
  return { peer_host: plainAddress(remoteAddress), peer_port: remotePort };
}

/** `127.0.0.1:37742 -> 127.0.0.1:5672`, as RabbitMQ names connections. */
export function connectionName(socket: Socket): string {
  const { remoteAddress, remotePort = 0, localAddress, localPort = 0 } = socket;
  const end = (address: string, port: number) =>
    address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
  return `${end(plainAddress(remoteAddress), remotePort)} -> ${end(plainAddress(localAddress), localPort)}`;
}

export function channelStatus(channel: Channel): ChannelStatus {
  const { transaction } = channel;
  return {
    name: `${channel.connection.name} (${channel.number})`,
    number: channel.number,
    user: channel.user.name,
    vhost: channel.host.name,
    state: channel.isFlowing ? "running" : "flow",
    confirm: channel.confirms !== null,
    transactional: transaction !== null,
    consumer_count: channel.consumers.size,
    messages_unacknowledged: channel.heldCount,
    messages_unconfirmed: channel.confirms?.waitingCount ?? 0,
    messages_uncommitted: transaction?.publishes.length ?? 0,
    acks_uncommitted: transaction?.settlements.length ?? 0,
    prefetch_count: channel.prefetchOfNext,
    global_prefetch_count: channel.prefetch,
    message_stats: channel.stats,
  };
}

/** IPv4 is IPv4, also where the socket is IPv6's. */
function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:/, "") ?? "";
}
