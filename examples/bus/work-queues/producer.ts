// Work queues, the producer: puts a task into the queue `tasks` for each word of the command line.
import { connect } from "../connect.ts";

const { bus, words } = connect();
const tasks = words.length > 0 ? words : ["sweep.", "mop...", "dust..", "polish...."];

// A durable queue and persistent messages outlive a restart of the broker: work is not lost.
await bus.declareQueue({ name: "tasks", durable: true });

for (const task of tasks) {
  // When this returns, the task is on the broker's disk.
  await bus.publish({ exchange: "", key: "tasks" }, { body: task, persistent: true });
  console.log(`Sent: ${task}`);
}
await bus.close();
