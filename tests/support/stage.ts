// One user's things in a cloud, asked for one after another: what the stories of the kill matrix are told
// with, whether the cloud is simulated or runs in real processes.
import assert from "node:assert/strict";
import type { VirtDriver } from "@micronova/compute";
import type { Millis } from "@micronova/kit";
import type { Store } from "@micronova/store";

/** Null when the connection broke before there was an answer. */
export type Answer = { readonly status: number; readonly body: unknown } | null;

/** What a story may know of the cloud beyond its APIs. */
export interface Backstage {
  readonly imageId: string;
  readonly privateNetworkId: string;
  readonly store: Store;
  readonly hosts: readonly {
    readonly name: string;
    readonly virt: Pick<VirtDriver, "list" | "info" | "spawn">;
  }[];
  run(ms: Millis): Promise<void>;
}

export abstract class Stage {
  abstract readonly cloud: Backstage;

  /** Asks, without waiting for what follows. */
  abstract ask(method: string, url: string, body?: unknown, as?: "user" | "admin"): Promise<Answer>;
  /** The answer, once it is there. */
  protected abstract during(answer: Promise<Answer>): Promise<Answer>;
  /** Waits until nothing is under way; says how long that took. */
  abstract quiet(): Promise<Millis>;

  askToBoot(extra: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    const networks = [{ uuid: this.cloud.privateNetworkId }];
    const server = { name: "web", imageRef: this.cloud.imageId, flavorRef: "1", networks, ...extra };
    return this.ask("POST", "/compute/v2.1/servers", { server });
  }

  /** Asks, waits until nothing is under way, and answers the body; anything but a yes fails. */
  async done(answer: Promise<Answer>): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> {
    const given = await this.during(answer);
    assert.ok(given !== null && given.status < 300, JSON.stringify(given));
    await this.quiet();
    // Answers are objects of objects wherever this is used.
    return given.body as Readonly<Record<string, Readonly<Record<string, string>>>>;
  }

  /** A server that runs; its id. */
  async server(extra: Readonly<Record<string, unknown>> = {}): Promise<string> {
    return (await this.done(this.askToBoot(extra)))["server"]!["id"]!;
  }

  /** A volume of one gigabyte; its id. */
  async volume(): Promise<string> {
    const body = { volume: { size: 1 } };
    return (await this.done(this.ask("POST", "/volume/v3/volumes", body)))["volume"]!["id"]!;
  }

  async attached(serverId: string, volumeId: string): Promise<void> {
    await this.done(this.askToAttach(serverId, volumeId));
  }

  askToAttach(serverId: string, volumeId: string): Promise<Answer> {
    const url = `/compute/v2.1/servers/${serverId}/os-volume_attachments`;
    return this.ask("POST", url, { volumeAttachment: { volumeId } });
  }

  act(
    serverId: string,
    action: Readonly<Record<string, unknown>>,
    as: "user" | "admin" = "user",
  ): Promise<Answer> {
    return this.ask("POST", `/compute/v2.1/servers/${serverId}/action`, action, as);
  }
}
