// Hello world, the consumer: prints what comes to the queue `hello`, until Ctrl-C.
import { connect } from "../connect.ts";

const { bus } = connect();

// The queue is declared here too: consumers may well be started before producers.
await bus.consume({ name: "hello" }, { prefetch: 10 }, (delivery) => {
  console.log(`Received: ${delivery.message.body}`);

  // Only now may the broker forget it.
  delivery.ack();
});

console.log("Waiting for messages.");
