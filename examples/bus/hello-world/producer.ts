// Hello world, the producer: sends one message to the queue `hello` and ends.
import { connect } from "../connect.ts";

const { bus, words } = connect();
const greeting = words[0] ?? "Hello, world!";

// Whoever comes first makes the queue. Declaring it again changes nothing, so both programs do.
await bus.declareQueue({ name: "hello" });

// The exchange without a name takes a message to the queue that its routing key names.
await bus.publish({ exchange: "", key: "hello" }, { body: greeting });

console.log(`Sent: ${greeting}`);
await bus.close();
