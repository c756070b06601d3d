// For each saga one story: how a calm cloud comes to where it begins, and the request that begins it. And the
// upload of an image, which is no saga.
import type { Answer, Stage } from "../support/stage.ts";

export interface Story {
  /** The saga's name, or what it is where there is none. */
  readonly name: string;
  /** What is special about it, if anything is. */
  readonly variant?: string;
  /** Whether the user asks again when the connection breaks: until then all is not well, as before. */
  readonly asksAgain?: boolean;
  /** Prepares, and answers the request. */
  readonly begin: (scene: Stage) => Promise<() => Promise<Answer>>;
}

/** An action on a server that other actions brought into a state. */
function action(
  name: string,
  wanted: Readonly<Record<string, unknown>>,
  ...before: readonly object[]
): Story {
  return {
    name,
    async begin(scene) {
      const id = await scene.server();
      for (const one of before) await scene.done(scene.act(id, { ...one }));
      return () => scene.act(id, wanted);
    },
  };
}

const remove = (scene: Stage, url: string) => () => scene.ask("DELETE", url);

const servers: readonly Story[] = [
  { name: "server-create", begin: async (scene) => () => scene.askToBoot() },
  {
    name: "server-create",
    variant: "with a volume",
    async begin(scene) {
      const uuid = await scene.volume();
      const volume = { uuid, source_type: "volume", destination_type: "volume", boot_index: -1 };
      const image = { uuid: scene.cloud.imageId, source_type: "image", destination_type: "local" };
      const mappings = [{ ...image, boot_index: 0 }, volume];
      return () => scene.askToBoot({ block_device_mapping_v2: mappings });
    },
  },
  {
    name: "server-delete",
    begin: async (scene) => remove(scene, `/compute/v2.1/servers/${await scene.server()}`),
  },
  {
    name: "server-delete",
    variant: "with a volume",
    async begin(scene) {
      const [id, volume] = [await scene.server(), await scene.volume()];
      await scene.attached(id, volume);
      return remove(scene, `/compute/v2.1/servers/${id}`);
    },
  },
  action("server-stop", { "os-stop": null }),
  action("server-start", { "os-start": null }, { "os-stop": null }),
  action("server-reboot", { reboot: { type: "SOFT" } }),
  action("server-hard-reboot", { reboot: { type: "HARD" } }),
  action("server-pause", { pause: null }),
  action("server-unpause", { unpause: null }, { pause: null }),
  action("server-suspend", { suspend: null }),
  action("server-resume", { resume: null }, { suspend: null }),
];

/** A server that has a volume, so that it moves with it; asked by whoever may. */
function move(name: string, variant: string, wanted: (scene: Stage, id: string) => Promise<Answer>): Story {
  return {
    name,
    variant,
    async begin(scene) {
      const [id, volume] = [await scene.server(), await scene.volume()];
      await scene.attached(id, volume);
      return () => wanted(scene, id);
    },
  };
}

const larger = { resize: { flavorRef: "2" } };

/** What follows a resize. */
function afterResize(name: string, follows: (scene: Stage, id: string) => Promise<Answer>): Story {
  return {
    name,
    async begin(scene) {
      const [id, volume] = [await scene.server(), await scene.volume()];
      await scene.attached(id, volume);
      await scene.done(scene.act(id, larger));
      return () => follows(scene, id);
    },
  };
}

const moves: readonly Story[] = [
  move("server-migrate", "with a volume", (scene, id) => scene.act(id, { migrate: null }, "admin")),
  afterResize("server-resize-confirm", (scene, id) => scene.act(id, { confirmResize: null })),
  afterResize("server-resize-revert", (scene, id) => scene.act(id, { revertResize: null })),
  {
    ...afterResize("server-delete", (scene, id) => scene.ask("DELETE", `/compute/v2.1/servers/${id}`)),
    variant: "that was resized",
  },
];

const attachments: readonly Story[] = [
  {
    name: "volume-attach",
    async begin(scene) {
      const [id, volume] = [await scene.server(), await scene.volume()];
      return () => scene.askToAttach(id, volume);
    },
  },
  {
    name: "volume-detach",
    async begin(scene) {
      const [id, volume] = [await scene.server(), await scene.volume()];
      await scene.attached(id, volume);
      return remove(scene, `/compute/v2.1/servers/${id}/os-volume_attachments/${volume}`);
    },
  },
  {
    name: "interface-attach",
    async begin(scene) {
      const url = `/compute/v2.1/servers/${await scene.server()}/os-interface`;
      const body = { interfaceAttachment: { net_id: scene.cloud.privateNetworkId } };
      return () => scene.ask("POST", url, body);
    },
  },
  {
    name: "interface-detach",
    async begin(scene) {
      const id = await scene.server();
      const card = await scene.cloud.store.read
        .selectFrom("server_interfaces")
        .select("port_id")
        .where("server_id", "=", id)
        .executeTakeFirstOrThrow();
      return remove(scene, `/compute/v2.1/servers/${id}/os-interface/${card.port_id}`);
    },
  },
];

const volumes: readonly Story[] = [
  {
    name: "volume-create",
    begin: async (scene) => () => scene.ask("POST", "/volume/v3/volumes", { volume: { size: 1 } }),
  },
  {
    name: "volume-delete",
    begin: async (scene) => remove(scene, `/volume/v3/volumes/${await scene.volume()}`),
  },
  {
    name: "volume-extend",
    async begin(scene) {
      const url = `/volume/v3/volumes/${await scene.volume()}/action`;
      return () => scene.ask("POST", url, { "os-extend": { new_size: 3 } });
    },
  },
];

const images: readonly Story[] = [
  {
    name: "image upload",
    async begin(scene) {
      const body = { name: "large", disk_format: "raw", container_format: "bare" };
      const { id } = await scene.done(scene.ask("POST", "/image/v2/images", body));
      return () => scene.ask("PUT", `/image/v2/images/${String(id)}/file`, Buffer.alloc(4_096, 7));
    },
  },
];

/** A cloud in which something is broken behind its back, and its doctor asked to mend all. */
function repair(name: string, broken: (scene: Stage) => Promise<unknown>): Story {
  return {
    name,
    asksAgain: true,
    async begin(scene) {
      await broken(scene);
      // What began in this very moment counts as under way.
      await scene.cloud.run(2_000);
      return () => scene.ask("POST", "/operations/v1/doctor/repairs", {}, "admin");
    },
  };
}

const guest = {
  name: "stray",
  vcpus: 1,
  memoryMb: 512,
  rootGb: 1,
  ephemeralGb: 0,
  swapMb: 0,
  image: null,
  kernel: null,
  architecture: "x86_64",
  nics: [],
  volumes: [],
  configDrive: null,
} as const;

const repairs: readonly Story[] = [
  repair("guest-destroy", async (scene) => {
    const serverId = await scene.server();
    for (const { virt } of scene.cloud.hosts)
      if ((await virt.info(serverId)) === null) await virt.spawn({ ...guest, serverId });
  }),
  repair("port-free", async (scene) => {
    const device_id = await scene.server();
    const wanted = { port: { network_id: scene.cloud.privateNetworkId } };
    const { port } = await scene.done(scene.ask("POST", "/network/v2.0/ports", wanted));
    const binding = { device_id, device_owner: "compute:nova", binding_host: scene.cloud.hosts[0]!.name };
    await scene.cloud.store.transaction((tx) =>
      tx.updateTable("ports").set(binding).where("id", "=", port!["id"]!).execute(),
    );
  }),
  repair("server-reclaim", async (scene) => {
    const id = await scene.server();
    await scene.cloud.store.transaction((tx) =>
      tx.deleteFrom("allocations").where("consumer_id", "=", id).execute(),
    );
  }),
  repair("server-settle", async (scene) => {
    const id = await scene.server();
    await scene.cloud.store.transaction((tx) =>
      tx.updateTable("servers").set({ task_state: "rebooting" }).where("id", "=", id).execute(),
    );
  }),
  repair("volumes-settle", async (scene) => {
    const [id, volume] = [await scene.server(), await scene.volume()];
    await scene.attached(id, volume);
    await scene.cloud.store.transaction(async (tx) => {
      const half = { attach_status: "detaching" } as const;
      await tx.updateTable("volume_attachments").set(half).where("volume_id", "=", volume).execute();
      await tx.updateTable("volumes").set({ status: "detaching" }).where("id", "=", volume).execute();
    });
  }),
  repair("volume-uncreate", async (scene) => {
    const id = await scene.volume();
    await scene.cloud.store.transaction((tx) =>
      tx.updateTable("volumes").set({ status: "creating" }).where("id", "=", id).execute(),
    );
  }),
  repair("volume-orphan-delete", async (scene) => {
    const id = await scene.volume();
    await scene.cloud.store.transaction((tx) => tx.deleteFrom("volumes").where("id", "=", id).execute());
  }),
];

export const stories: readonly Story[] = [
  ...servers,
  ...moves,
  ...attachments,
  ...volumes,
  ...images,
  ...repairs,
];
