// Routing, the consumer: prints reports of the severities that the command line names, and no others.
import { connect } from "../connect.ts";

const { bus, words } = connect();
const severities = words.length > 0 ? words : ["info", "warning", "error"];

await bus.declare({ name: "reports", kind: "direct" });

// One queue, bound once for each severity.
const bindings = severities.map((key) => ({ exchange: "reports", key }));

await bus.consume({ name: "", exclusive: true, bindings }, { prefetch: 10 }, (delivery) => {
  console.log(`${delivery.key}: ${delivery.message.body}`);
  delivery.ack();
});

console.log(`Waiting for reports of ${severities.join(", ")}.`);
