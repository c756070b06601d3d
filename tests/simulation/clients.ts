// What users do: seeded clients that boot, change and delete over the HTTP APIs, and remember what they were
// promised. They know as little as real ones: when a connection breaks they ask what there is.
import type { Random } from "@micronova/kit";
import type { Answer, SimulatedCloud } from "./cloud.ts";

/** What the cloud said yes to, and must not forget. */
export interface Promised {
  readonly servers: Set<string>;
  readonly volumes: Set<string>;
}

interface Known {
  servers: readonly string[];
  volumes: readonly string[];
  ports: readonly string[];
}

type Action = (client: Client) => Promise<unknown>;

// How often each is done, beside the others.
const actions: readonly (readonly [weight: number, action: Action])[] = [
  [20, (client) => client.boot({})],
  [4, (client) => client.boot({ min_count: 2, max_count: 3 })],
  [3, (client) => client.bootOnPort()],
  [4, (client) => client.bootFromVolume()],
  [4, (client) => client.bootAndRegret()],
  [14, (client) => client.deleteServer()],
  [6, (client) => client.act({ "os-stop": null })],
  [6, (client) => client.act({ "os-start": null })],
  [4, (client) => client.act({ reboot: { type: "SOFT" } })],
  [4, (client) => client.act({ reboot: { type: "HARD" } })],
  [3, (client) => client.act({ pause: null })],
  [3, (client) => client.act({ unpause: null })],
  [3, (client) => client.act({ suspend: null })],
  [3, (client) => client.act({ resume: null })],
  [4, (client) => client.act({ migrate: null }, true)],
  [4, (client) => client.resize()],
  [3, (client) => client.act({ confirmResize: null })],
  [3, (client) => client.act({ revertResize: null })],
  [12, (client) => client.createVolume({})],
  [2, (client) => client.createVolume({ imageRef: client.cloud.imageId })],
  [6, (client) => client.deleteVolume()],
  [4, (client) => client.extendVolume()],
  [12, (client) => client.attachVolume()],
  [8, (client) => client.detachVolume()],
  [4, (client) => client.attachInterface()],
  [3, (client) => client.detachInterface()],
  [2, (client) => client.uploadImage()],
  [6, (client) => client.look()],
];
const weights = actions.reduce((sum, [weight]) => sum + weight, 0);

// Answers of a cloud in order; the others are findings, unless the store or a clock was made to fail.
const expected: ReadonlySet<number> = new Set([200, 201, 202, 204, 400, 403, 404, 409, 413]);
const flavors = ["1", "1", "2"];

/** A network card that a host could not attach is a failure of the request itself, in Nova's words. */
const isInterface = (method: string, url: string) => method === "POST" && url.endsWith("/os-interface");

export class Client {
  readonly cloud: SimulatedCloud;
  readonly projectId: string;
  readonly promised: Promised = { servers: new Set(), volumes: new Set() };
  /** Statuses beyond the expected ones that may be answered today. */
  readonly excused: Set<number>;
  readonly #random: Random;
  readonly #token: string;
  readonly #adminToken: string;
  #known: Known = { servers: [], volumes: [], ports: [] };
  #names = 0;
  requests = 0;

  constructor(cloud: SimulatedCloud, random: Random, excused: ReadonlySet<number> = new Set()) {
    this.cloud = cloud;
    this.projectId = random.uuid().replaceAll("-", "");
    this.#random = random;
    this.excused = new Set(excused);
    this.#token = cloud.token(this.projectId);
    this.#adminToken = cloud.token(this.projectId, true);
  }

  /** Does something. */
  async doSomething(): Promise<unknown> {
    let draw = this.#random.int(weights);
    for (const [weight, action] of actions) {
      draw -= weight;
      if (draw < 0) return action(this);
    }
    return null;
  }

  async ask(method: string, url: string, body?: unknown, isAdmin = false): Promise<Answer> {
    this.requests++;
    const headers = {
      "x-auth-token": isAdmin ? this.#adminToken : this.#token,
      "openstack-api-version": "compute 2.79",
      ...(Buffer.isBuffer(body) ? { "content-type": "application/octet-stream" } : {}),
    };
    const answer = await this.cloud.request({ method, url, headers, body });
    const { world } = this.cloud;
    if (answer === null) world.note("client", `${method} ${url}: the connection broke`);
    else if (!expected.has(answer.status) && !this.excused.has(answer.status) && !isInterface(method, url))
      world.complain(`${method} ${url} was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    else world.note("client", `${method} ${url}: ${answer.status}`);
    return answer;
  }

  async boot(extra: Readonly<Record<string, unknown>>): Promise<string | null> {
    const server = {
      name: this.#name("server"),
      imageRef: this.cloud.imageId,
      flavorRef: this.#pick(flavors),
      networks: this.#random.chance(0.2) ? "none" : [{ uuid: this.cloud.privateNetworkId }],
      ...extra,
    };
    const answer = await this.ask("POST", "/compute/v2.1/servers", { server });
    if (answer?.status !== 202) return null;
    const { id } = (answer.body as { server: { id: string } }).server;
    // Of several only one is named in the answer.
    this.promised.servers.add(id);
    return id;
  }

  async bootOnPort(): Promise<void> {
    const port = { network_id: this.cloud.privateNetworkId };
    const answer = await this.ask("POST", "/network/v2.0/ports", { port });
    if (answer?.status !== 201) return;
    await this.boot({ networks: [{ port: (answer.body as { port: { id: string } }).port.id }] });
  }

  async bootFromVolume(): Promise<void> {
    await this.look();
    const uuid = this.#pick(this.#known.volumes);
    if (uuid === undefined) return this.createVolume({ imageRef: this.cloud.imageId });
    const mapping = {
      uuid,
      source_type: "volume",
      destination_type: "volume",
      boot_index: 0,
      delete_on_termination: this.#random.chance(0.3),
    };
    if (mapping.delete_on_termination) this.promised.volumes.delete(uuid);
    await this.boot({ imageRef: "", block_device_mapping_v2: [mapping] });
  }

  /** Deleted while it is being built. */
  async bootAndRegret(): Promise<void> {
    const id = await this.boot({});
    if (id === null) return;
    await this.cloud.world.pause(this.#random.int(4_000));
    await this.#delete("servers", id, `/compute/v2.1/servers/${id}`);
  }

  async deleteServer(): Promise<void> {
    await this.look();
    const id = this.#pick(this.#known.servers);
    if (id !== undefined) await this.#delete("servers", id, `/compute/v2.1/servers/${id}`);
  }

  async act(action: Readonly<Record<string, unknown>>, isAdmin = false): Promise<void> {
    const id = this.#pick(this.#known.servers);
    if (id !== undefined) await this.ask("POST", `/compute/v2.1/servers/${id}/action`, action, isAdmin);
  }

  resize(): Promise<void> {
    return this.act({ resize: { flavorRef: this.#pick(flavors) } });
  }

  async createVolume(extra: Readonly<Record<string, unknown>>): Promise<void> {
    const volume = { name: this.#name("volume"), size: 1 + this.#random.int(3), ...extra };
    const answer = await this.ask("POST", "/volume/v3/volumes", { volume });
    if (answer?.status === 202)
      this.promised.volumes.add((answer.body as { volume: { id: string } }).volume.id);
  }

  async deleteVolume(): Promise<void> {
    await this.look();
    const id = this.#pick(this.#known.volumes);
    if (id !== undefined) await this.#delete("volumes", id, `/volume/v3/volumes/${id}`);
  }

  async extendVolume(): Promise<void> {
    const id = this.#pick(this.#known.volumes);
    if (id === undefined) return;
    const action = { "os-extend": { new_size: 4 + this.#random.int(6) } };
    await this.ask("POST", `/volume/v3/volumes/${id}/action`, action);
  }

  async attachVolume(): Promise<void> {
    await this.look();
    const [server, volumeId] = [this.#pick(this.#known.servers), this.#pick(this.#known.volumes)];
    if (server === undefined || volumeId === undefined) return;
    const body = { volumeAttachment: { volumeId } };
    await this.ask("POST", `/compute/v2.1/servers/${server}/os-volume_attachments`, body);
  }

  async detachVolume(): Promise<void> {
    const one = await this.#oneOf("os-volume_attachments", "volumeAttachments", "volumeId");
    if (one !== null) await this.ask("DELETE", one);
  }

  async attachInterface(): Promise<void> {
    const id = this.#pick(this.#known.servers);
    if (id === undefined) return;
    const body = { interfaceAttachment: { net_id: this.cloud.privateNetworkId } };
    await this.ask("POST", `/compute/v2.1/servers/${id}/os-interface`, body);
  }

  async detachInterface(): Promise<void> {
    const one = await this.#oneOf("os-interface", "interfaceAttachments", "port_id");
    if (one !== null) await this.ask("DELETE", one);
  }

  async uploadImage(): Promise<void> {
    const body = { name: this.#name("image"), disk_format: "raw", container_format: "bare" };
    const answer = await this.ask("POST", "/image/v2/images", body);
    if (answer?.status !== 201) return;
    const { id } = answer.body as { id: string };
    await this.ask("PUT", `/image/v2/images/${id}/file`, Buffer.alloc(512, 1));
    if (this.#random.chance(0.5)) await this.ask("DELETE", `/image/v2/images/${id}`);
  }

  /** Asks what there is. */
  async look(): Promise<void> {
    this.#known = {
      servers: await this.#list("/compute/v2.1/servers", "servers"),
      volumes: await this.#list("/volume/v3/volumes", "volumes"),
      ports: await this.#list("/network/v2.0/ports", "ports"),
    };
  }

  /** Deletes all it has; answers whether nothing was left to delete. */
  async deleteAll(): Promise<boolean> {
    await this.look();
    const { servers, volumes, ports } = this.#known;
    for (const id of servers) await this.#delete("servers", id, `/compute/v2.1/servers/${id}`);
    for (const id of volumes) await this.#deleteSurely(id);
    if (servers.length === 0) for (const id of ports) await this.ask("DELETE", `/network/v2.0/ports/${id}`);
    return servers.length + volumes.length + ports.length === 0;
  }

  /** What was promised and is not there. */
  async broken(): Promise<readonly string[]> {
    await this.look();
    const { servers, volumes } = this.promised;
    return [
      ...[...servers].filter((id) => !this.#known.servers.includes(id)).map((id) => `Server ${id}`),
      ...[...volumes].filter((id) => !this.#known.volumes.includes(id)).map((id) => `Volume ${id}`),
    ].map((what) => `${what} was acknowledged, and is not there.`);
  }

  async #delete(kind: keyof Promised, id: string, url: string): Promise<void> {
    // Whether it happens is not known until it is answered, and then it may be done.
    const wasPromised = this.promised[kind].delete(id);
    const answer = await this.ask("DELETE", url);
    const isRefused = answer !== null && answer.status >= 400 && answer.status < 500 && answer.status !== 404;
    if (wasPromised && isRefused) this.promised[kind].add(id);
  }

  /** What a user may not delete, such as a volume whose deletion failed, an administrator may. */
  async #deleteSurely(id: string): Promise<void> {
    const url = `/volume/v3/volumes/${id}`;
    const answer = await this.ask("DELETE", url);
    if (answer?.status !== 400) return;
    const headers = { "x-auth-token": this.cloud.token(this.projectId, true) };
    const body = { "os-force_delete": {} };
    await this.cloud.request({ method: "POST", url: `${url}/action`, headers, body });
  }

  async #list(url: string, key: string): Promise<readonly string[]> {
    const answer = await this.ask("GET", url);
    if (answer?.status !== 200) return [];
    const items = (answer.body as Readonly<Record<string, readonly { id: string }[]>>)[key] ?? [];
    return items.map(({ id }) => id);
  }

  /** The address of something a server has, chosen by chance. */
  async #oneOf(collection: string, key: string, idKey: string): Promise<string | null> {
    const id = this.#pick(this.#known.servers);
    if (id === undefined) return null;
    const url = `/compute/v2.1/servers/${id}/${collection}`;
    const answer = await this.ask("GET", url);
    if (answer?.status !== 200) return null;
    const all = (answer.body as Readonly<Record<string, readonly Record<string, string>[]>>)[key] ?? [];
    const one = this.#pick(all.map((item) => item[idKey] ?? ""));
    return one === undefined ? null : `${url}/${one}`;
  }

  #name(kind: string): string {
    return `${kind}-${++this.#names}`;
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[this.#random.int(Math.max(1, items.length))];
  }
}
