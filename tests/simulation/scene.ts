// One user's things in a simulated cloud, asked for one after another: what directed tests are made of.
import assert from "node:assert/strict";
import type { Millis } from "@micronova/kit";
import { type Answer, Stage } from "../support/stage.ts";
import { type CloudOptions, type SimulatedCloud, simulateCloud } from "./cloud.ts";
import { findings, untilQuiet } from "./quiet.ts";
import { during } from "./scenario.ts";

const projectId = "5".repeat(32);

export class Scene extends Stage {
  readonly cloud: SimulatedCloud;
  readonly #tokens: { readonly user: string; readonly admin: string };

  constructor(cloud: SimulatedCloud) {
    super();
    this.cloud = cloud;
    this.#tokens = { user: cloud.token(projectId), admin: cloud.token(projectId, true) };
  }

  /** Asks, without waiting for what follows. */
  ask(method: string, url: string, body?: unknown, as: "user" | "admin" = "user"): Promise<Answer> {
    const headers = {
      "x-auth-token": this.#tokens[as],
      "openstack-api-version": "compute 2.79",
      ...(Buffer.isBuffer(body) ? { "content-type": "application/octet-stream" } : {}),
    };
    return this.cloud.request({ method, url, headers, body });
  }

  protected during(answer: Promise<Answer>): Promise<Answer> {
    return during(this.cloud, answer);
  }

  /** The server's status; null when there is no such server. */
  async status(serverId: string): Promise<string | null> {
    const answer = await during(this.cloud, this.ask("GET", `/compute/v2.1/servers/${serverId}`));
    if (answer?.status === 404) return null;
    assert.equal(answer?.status, 200);
    return (answer.body as { server: { status: string } }).server.status;
  }

  /** Waits until nothing is under way; says how long that took. */
  async quiet(): Promise<Millis> {
    const { ms, stuck } = await untilQuiet(this.cloud);
    assert.deepEqual(stuck, []);
    return ms;
  }

  /** Everything is as it must be. */
  async sound(): Promise<void> {
    assert.deepEqual([...this.cloud.world.complaints, ...(await findings(this.cloud))], []);
  }
}

/** Does it with a fresh cloud, and ends that. */
export async function withScene<T>(options: CloudOptions, work: (scene: Scene) => Promise<T>): Promise<T> {
  const cloud = await simulateCloud(options);
  try {
    return await work(new Scene(cloud));
  } finally {
    await cloud.end();
  }
}
