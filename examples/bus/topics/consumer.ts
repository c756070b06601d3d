// Topics, the consumer: prints the weather that fits one of the patterns on the command line.
import { connect } from "../connect.ts";

const { bus, words } = connect();
// A star stands for one word, a hash for any number of words.
const patterns = words.length > 0 ? words : ["#"];

await bus.declare({ name: "weather", kind: "topic" });

// A message that fits several patterns of one queue still comes to it once.
const bindings = patterns.map((key) => ({ exchange: "weather", key }));

await bus.consume({ name: "", exclusive: true, bindings }, { prefetch: 10 }, (delivery) => {
  console.log(`${delivery.key}: ${delivery.message.body}`);
  delivery.ack();
});

console.log(`Waiting for weather of ${patterns.join(", ")}.`);
