// Topics, the producer: says what the weather is like. Its routing key is continent.city.matter.
import { connect } from "../connect.ts";

const { bus, words } = connect();
const [topic = "europe.oslo.rain", text = "Take an umbrella."] = words;

// A topic exchange compares the words of the routing key with the patterns that queues are bound with.
await bus.declare({ name: "weather", kind: "topic" });

await bus.publish({ exchange: "weather", key: topic }, { body: text });

console.log(`Said: ${topic}: ${text}`);
await bus.close();
