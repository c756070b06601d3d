// Counters that are incremented in place where messages pass: plain numbers in objects of one shape, since a
// million messages a second go by. Their names are those of RabbitMQ's management API; rates are made of two
// looks at them, by whoever wants rates.

/** What became of messages: of one queue, or of all that went through one channel or door. */
export class MessageStats {
  publish = 0;
  confirm = 0;
  return_unroutable = 0;
  drop_unroutable = 0;
  deliver = 0;
  deliver_no_ack = 0;
  get = 0;
  get_no_ack = 0;
  get_empty = 0;
  ack = 0;
  redeliver = 0;
  disk_reads = 0;
  disk_writes = 0;

  add(other: MessageStats): void {
    this.publish += other.publish;
    this.confirm += other.confirm;
    this.return_unroutable += other.return_unroutable;
    this.drop_unroutable += other.drop_unroutable;
    this.deliver += other.deliver;
    this.deliver_no_ack += other.deliver_no_ack;
    this.get += other.get;
    this.get_no_ack += other.get_no_ack;
    this.get_empty += other.get_empty;
    this.ack += other.ack;
    this.redeliver += other.redeliver;
    this.disk_reads += other.disk_reads;
    this.disk_writes += other.disk_writes;
  }
}

/** How many messages were published to an exchange, and how many times they went into a queue from there. */
export class ExchangeStats {
  publish_in = 0;
  publish_out = 0;
}

/** Bytes that a connection took and gave, and in how many reads and writes. */
export class TrafficStats {
  recv_oct = 0;
  recv_cnt = 0;
  send_oct = 0;
  send_cnt = 0;
}

/** How often things came and went in a broker. */
export class ChurnStats {
  connection_created = 0;
  connection_closed = 0;
  channel_created = 0;
  channel_closed = 0;
  queue_declared = 0;
  queue_created = 0;
  queue_deleted = 0;
}

/** How often somebody wanted in, by one protocol. */
export class AuthStats {
  auth_attempts = 0;
  auth_attempts_failed = 0;
  auth_attempts_succeeded = 0;

  count(isSuccess: boolean): void {
    this.auth_attempts++;
    if (isSuccess) this.auth_attempts_succeeded++;
    else this.auth_attempts_failed++;
  }
}

/** The living counters of a virtual host's doors, and the sum of those that have closed. */
export class HostStats {
  readonly #gone = new MessageStats();
  readonly #living = new Set<MessageStats>();

  open(): MessageStats {
    const stats = new MessageStats();
    this.#living.add(stats);
    return stats;
  }

  close(stats: MessageStats): void {
    if (this.#living.delete(stats)) this.#gone.add(stats);
  }

  get total(): MessageStats {
    const total = new MessageStats();
    total.add(this.#gone);
    for (const stats of this.#living) total.add(stats);
    return total;
  }
}
