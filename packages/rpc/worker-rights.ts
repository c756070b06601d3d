// What the user of one host's workers may do on a broker: take its own calls, send calls and answers, park
// poison. It reads nobody else's queue; the names of answers' queues nobody can guess.
import { deadQueue, fanoutExchange, workExchange, workTarget } from "./names.ts";

/** As RabbitMQ has them: patterns of the names it may configure, write to and read from. */
export interface WorkerRights {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

// RabbitMQ's name for the exchange without a name, by which answers go.
const defaultExchange = "amq.default";
const replies = "reply_[0-9a-f]{32}";
// Several hosts that one machine plays are named after it.
const played = "(-[0-9]+)?";

export function workerRights(host: string, topics: readonly string[]): WorkerRights {
  const own = topics.flatMap((topic) => [
    literal(workTarget(topic, host)) + played,
    // What is announced to all of the topic, and where it hears that.
    `${literal(fanoutExchange(topic).name)}(_.+)?`,
  ]);
  const work = literal(workExchange.name);
  const dead = literal(deadQueue.name);
  return {
    configure: anyOf([work, dead, replies, ...own]),
    // Whoever binds a queue writes to it.
    write: anyOf([work, dead, literal(defaultExchange), replies, ...own]),
    read: anyOf([work, replies, ...own]),
  };
}

function anyOf(patterns: readonly string[]): string {
  return `^(${patterns.join("|")})$`;
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
