// What every example begins with: a connection to the broker, and the words of the command line that are for
// the example itself. The broker is named by the first word, when that is a URL, or by AMQP_URL.
import { type Bus, connectAmqp } from "@micronova/amqp";
import { type LogFields, metricsRegistry, silentLog, systemClock, systemRandom } from "@micronova/kit";

const broker = process.env["AMQP_URL"] ?? "amqp://guest:guest@127.0.0.1:5672";

export function connect(): { readonly bus: Bus; readonly words: readonly string[] } {
  const words = process.argv.slice(2);
  const url = words[0]?.match(/^amqps?:/) ? words.shift()! : broker;
  // The connection mends itself, so what is amiss is said and the program goes on.
  const say = ({ error }: LogFields, event: string) => console.error(`${event}: ${error}`);
  const log = { ...silentLog, warn: say, error: say };
  const platform = { clock: systemClock, random: systemRandom, log, metrics: metricsRegistry() };
  return { bus: connectAmqp(platform, [url]), words };
}
