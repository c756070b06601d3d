// Publish and subscribe, the consumer: prints the news from now on. Start several, and each hears everything.
import { connect } from "../connect.ts";

const { bus } = connect();

await bus.declare({ name: "news", kind: "fanout" });

// A queue of one's own: the broker chooses its name, and it goes when this program goes.
const mine = { name: "", exclusive: true, bindings: [{ exchange: "news", key: "" }] };

const { queue } = await bus.consume(mine, { prefetch: 10 }, (delivery) => {
  console.log(`Heard: ${delivery.message.body}`);
  delivery.ack();
});

console.log(`Waiting for news in the queue ${queue}.`);
