// Publish and subscribe, the producer: tells the news to everybody who listens, be it nobody.
import { connect } from "../connect.ts";

const { bus, words } = connect();
const news = words[0] ?? "A comet can be seen tonight.";

// A fanout exchange copies each message into every queue that is bound to it.
await bus.declare({ name: "news", kind: "fanout" });

// No queue is named here. The producer does not know who listens.
await bus.publish({ exchange: "news", key: "" }, { body: news });

console.log(`Told: ${news}`);
await bus.close();
