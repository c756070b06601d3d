// Routing, the producer: reports something, with how bad it is as the routing key.
import { connect } from "../connect.ts";

const { bus, words } = connect();
const [severity = "info", text = "All is well."] = words;

// A direct exchange takes a message to the queues that are bound with exactly its routing key.
await bus.declare({ name: "reports", kind: "direct" });

await bus.publish({ exchange: "reports", key: severity }, { body: text });

console.log(`Reported: ${severity}: ${text}`);
await bus.close();
