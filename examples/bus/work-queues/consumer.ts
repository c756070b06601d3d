// Work queues, the consumer: does one task after another. Start several, and they share the work.
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "../connect.ts";

const { bus } = connect();
const queue = { name: "tasks", durable: true };

// One unacknowledged task at a time: whoever is busy gets nothing, whoever is idle gets the next one.
await bus.consume(queue, { prefetch: 1 }, async (delivery) => {
  const task = String(delivery.message.body);
  console.log(`Began: ${task}${delivery.redelivered ? " (somebody else did not finish it)" : ""}`);

  // Each dot of a task is half a second of hard work.
  await sleep((task.split(".").length - 1) * 500);

  // If this program dies before it says so, the broker gives the task to another.
  console.log(`Done: ${task}`);
  delivery.ack();
});

console.log("Waiting for tasks.");
