// RPC, the server: consumes questions, and publishes the answer to where each question wants it.
import { connect } from "../connect.ts";

const { bus } = connect();
// Beyond the 78th, Fibonacci numbers do not fit a number of JavaScript.
const largest = 78;

function fibonacci(n: number): number {
  let [one, next] = [0, 1];
  for (let at = 0; at < n; at++) [one, next] = [next, one + next];
  return one;
}

// The queue goes with its last server, so that clients notice when there is none.
await bus.consume({ name: "fibonacci", autoDelete: true }, { prefetch: 1 }, async (delivery) => {
  const { body, replyTo = "", correlationId = "" } = delivery.message;
  const n = Number(body);
  const isFine = Number.isInteger(n) && n >= 0 && n <= largest;
  const answer = isFine ? fibonacci(n) : `not a whole number from 0 to ${largest}`;

  await bus.publish({ exchange: "", key: replyTo }, { body: answer, correlationId });
  console.log(`Answered: fib(${body}) = ${answer}`);
  delivery.ack();
});

console.log("Waiting for questions.");
