// RPC, the client: publishes questions, and consumes the answers from a queue of its own.
import { randomUUID } from "node:crypto";
import { connect } from "../connect.ts";

const { bus, words } = connect();
const asked = new Map<string, (answer: unknown) => void>();

const answers = await bus.consume({ name: "", exclusive: true }, { prefetch: 0 }, (delivery) => {
  const { body, correlationId = "" } = delivery.message;
  asked.get(correlationId)?.(body);
  asked.delete(correlationId);
  delivery.ack();
});

async function fibonacci(n: string): Promise<unknown> {
  // Several questions may be on their way; the correlation id says which one an answer is for.
  const correlationId = randomUUID();
  const answer = new Promise((resolve) => asked.set(correlationId, resolve));
  const question = { body: Number(n), correlationId, replyTo: answers.queue };
  // Mandatory: without a server this fails at once, rather than waiting for ever.
  await bus.publish({ exchange: "", key: "fibonacci" }, question, { mandatory: true });
  return answer;
}

const ask = async (n: string) => console.log(`fib(${n}) = ${await fibonacci(n)}`);
await Promise.all((words.length > 0 ? words : ["30"]).map(ask));
await bus.close();
