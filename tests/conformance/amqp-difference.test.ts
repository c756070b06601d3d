// The same stories told to this broker and to RabbitMQ: both must say the same, word by word. AMQP_STORIES
// says how many, AMQP_SEED with which to begin; a failure names the one to repeat.
//
// What is not compared, since it is a matter of chance or of time with either broker:
// - the order among channels (within one it is), and how confirms are put together (that each comes is);
// - which of several consumers of a queue gets a message, and how a channel's consumers take turns;
// - names that the broker chooses, and the moment of a death in `x-death`;
// - what happens as time goes by: messages and queues that expire, heartbeats, alarms;
// - quorum queues: RabbitMQ counts what is in them seconds later (see `amqp-quorum.test.ts`).
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { seededRandom } from "@micronova/kit";
import { Consuming, Stage } from "../support/amqp-stage.ts";
import { type Deed, Storyteller } from "../support/amqp-story.ts";
import { startBroker } from "../support/running-broker.ts";
import { type RunningRabbit, rabbitMissing, startRabbit } from "../support/running-rabbit.ts";

const stories = Number(process.env["AMQP_STORIES"] ?? 30);
const firstSeed = Number(process.env["AMQP_SEED"] ?? 1);
const length = 60;

describe("what clients are told", { skip: rabbitMissing }, () => {
  let rabbit: RunningRabbit;
  before(async () => {
    rabbit = await startRabbit();
  });
  after(() => rabbit.stop());

  async function tell(seed: number): Promise<void> {
    const ours = await startBroker();
    const stages = [new Stage(rabbit.port), new Stage(ours.port)] as const;
    for (const stage of stages) await stage.begin();
    const teller = new Storyteller(seededRandom(seed));
    const consuming = new Consuming();
    const story: string[] = [];
    try {
      for (let count = 0; count < length; count++) {
        const deed: Deed = teller.next();
        if (!consuming.allows(deed)) continue;
        story.push(JSON.stringify(deed));
        const [theirs, our] = await Promise.all(stages.map((stage) => stage.perform(deed)));
        consuming.note(deed, our!);
        assert.deepEqual(our, theirs, `AMQP_SEED=${seed} AMQP_STORIES=1\n${story.slice(-12).join("\n")}`);
      }
    } finally {
      for (const stage of stages) await stage.end();
      await ours.stop();
    }
  }

  test(`is what RabbitMQ tells them, in ${stories} stories`, async () => {
    for (let seed = firstSeed; seed < firstSeed + stories; seed++) await tell(seed);
  });
});
