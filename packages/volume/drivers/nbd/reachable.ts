// Volumes of one host for all hosts: the driver's own host opens them by their path, every other one over NBD
// with TLS. Who has an export is written down, so that a volume of one writer is another host's only once the
// first has lost it.
import { rm } from "node:fs/promises";
import { type Platform, periodic, type Uuid } from "@micronova/kit";
import type { Initiator, LocalVolumeDriver, VolumeConnection, VolumeDriver } from "../driver.ts";
import { volumeDriverErrors } from "../errors.ts";
import { lane } from "../lane.ts";
import { endDaemon, type HostCertificate, isServing, startDaemon } from "./daemon.ts";
import { freePort } from "./free-port.ts";
import { type ExportPlace, type ExportRecord, exportRecords, type Owner } from "./records.ts";

export interface ReachableOptions {
  readonly platform: Pick<Platform, "clock" | "log">;
  /** The one the driver is on. */
  readonly host: string;
  /** Holds the exports and nothing else. */
  readonly stateDir: string;
  /** Where other hosts come to; null when they do not. */
  readonly listen: { readonly address: string; readonly firstPort: number } | null;
  /** The host's, which may come while it runs. Without one nothing is exported, unless insecurely. */
  readonly certificate: () => Promise<HostCertificate | null>;
  /** Exports without TLS when there is no certificate. */
  readonly isInsecure?: boolean;
  /** Whom daemons run as when this process is root. */
  readonly owner: Owner;
}

// Daemons of an earlier worker are nobody's children here, so they are looked at. A guest's writes wait so
// long when one dies.
const mendEveryMs = 1_000;

type Served = ExportRecord & { readonly at: NonNullable<ExportRecord["at"]> };

export function reachable(driver: LocalVolumeDriver, options: ReachableOptions): VolumeDriver {
  const exports = new Exports(driver, options);
  const { platform } = options;
  const mending = periodic({
    platform,
    name: "volume exports",
    everyMs: mendEveryMs,
    isPatient: true,
    work: () => exports.mend(),
  });
  return {
    ...driver,
    isShared: options.listen !== null,
    async start() {
      await driver.start();
      await exports.open();
      await mending.start();
    },
    async stop() {
      await mending.stop();
      await driver.stop();
    },
    async dispose() {
      await mending.stop();
      await exports.endAll();
      await driver.dispose();
    },
    async delete(volumeId) {
      await exports.endAll(volumeId);
      await driver.delete(volumeId);
    },
    export: (volumeId, to) => exports.add(volumeId, to),
    unexport: (volumeId, from) => exports.end(volumeId, from),
  };
}

class Exports {
  readonly #driver: LocalVolumeDriver;
  readonly #options: ReachableOptions;
  readonly #records: ReturnType<typeof exportRecords>;
  readonly #inTurn = lane();

  constructor(driver: LocalVolumeDriver, options: ReachableOptions) {
    this.#driver = driver;
    this.#options = options;
    this.#records = exportRecords(options.stateDir, options.owner);
  }

  /** Goes on from what an earlier worker left; its daemons have served meanwhile. */
  async open(): Promise<void> {
    await this.#inTurn(async () => {
      for (const place of await this.#records.leftovers()) await this.#clear(place);
    });
    await this.mend();
  }

  /** Serves again what should be served and is not. One that cannot be does not keep others from it. */
  mend(): Promise<void> {
    return this.#inTurn(async () => {
      for (const record of await this.#records.all()) {
        if (!isServed(record) || (await isServing(this.#records.place(record)))) continue;
        const { volumeId, host } = record;
        try {
          await this.#serve(record);
          this.#options.platform.log.warn({ volumeId, host }, "volume export had ended and is served again");
        } catch (error) {
          this.#options.platform.log.error({ volumeId, host, error }, "volume export cannot be served");
        }
      }
    });
  }

  add(volumeId: Uuid, to: Initiator): Promise<VolumeConnection> {
    return this.#inTurn(async () => {
      const all = await this.#records.all();
      const others = all.filter((one) => one.volumeId === volumeId && one.host !== to.host);
      const isShared = to.isShared === true;
      const rival = others.find((one) => !isShared && !one.isShared);
      if (rival !== undefined) throw volumeDriverErrors.exportedElsewhere(volumeId, rival.host, to.host);
      const known = all.find((one) => one.volumeId === volumeId && one.host === to.host) ?? null;
      if (to.host !== this.#options.host) return this.#addServed({ volumeId, to, known, all });
      const connection = await this.#driver.export(volumeId, to);
      await this.#records.save({ volumeId, host: to.host, isShared, at: null });
      return connection;
    });
  }

  end(volumeId: Uuid, from: Initiator): Promise<void> {
    return this.#inTurn(async () => {
      const all = (await this.#records.all()).filter((one) => one.volumeId === volumeId);
      const known = all.find(({ host }) => host === from.host);
      if (known !== undefined) await this.#withdraw(known);
      if (all.some(({ host }) => host !== from.host)) return;
      await this.#driver.unexport(volumeId, { host: this.#options.host });
    });
  }

  /** Of one volume, or of all. */
  endAll(volumeId?: Uuid): Promise<void> {
    return this.#inTurn(async () => {
      for (const record of await this.#records.all()) {
        if (volumeId === undefined || record.volumeId === volumeId) await this.#withdraw(record);
      }
    });
  }

  async #addServed(wanted: {
    readonly volumeId: Uuid;
    readonly to: Initiator;
    readonly known: ExportRecord | null;
    readonly all: readonly ExportRecord[];
  }): Promise<VolumeConnection> {
    const { volumeId, to, known, all } = wanted;
    const { host, listen } = this.#options;
    if (listen === null) throw volumeDriverErrors.noExportAddress(volumeId, host, to.host);
    const certificate = await this.#certificate(volumeId);
    const taken = new Set(all.flatMap(({ at }) => (at === null ? [] : [at.port])));
    const at = known?.at ?? { address: listen.address, port: await freePort(listen, taken) };
    const record: Served = { volumeId, host: to.host, isShared: to.isShared === true, at };
    // Says that there is no such volume before anything is written down.
    if (known === null) await this.#driver.export(volumeId, { host });
    await this.#records.save(record);
    try {
      if (!(await isServing(this.#records.place(record)))) await this.#serve(record);
    } catch (error) {
      if (known === null) await this.#withdraw(record);
      throw error;
    }
    const tlsName = certificate === null ? null : host;
    return { kind: "nbd", volumeId, ...at, exportName: volumeId, tlsName };
  }

  async #serve(record: Served): Promise<void> {
    const { platform, host, owner } = this.#options;
    const certificate = await this.#certificate(record.volumeId);
    const place = this.#records.place(record);
    const { path } = await this.#driver.export(record.volumeId, { host });
    await endDaemon(platform.clock, place);
    await startDaemon({ clock: platform.clock, place, record, path, certificate, owner });
  }

  async #certificate(volumeId: Uuid): Promise<HostCertificate | null> {
    const certificate = await this.#options.certificate();
    const isEnough = certificate !== null || this.#options.isInsecure === true;
    if (!isEnough) throw volumeDriverErrors.noCertificate(volumeId, this.#options.host);
    return certificate;
  }

  async #withdraw(record: ExportRecord): Promise<void> {
    await this.#records.withdraw(record);
    await this.#clear(this.#records.place(record));
  }

  async #clear(place: ExportPlace): Promise<void> {
    await endDaemon(this.#options.platform.clock, place);
    await rm(place.folder, { recursive: true, force: true });
  }
}

function isServed(record: ExportRecord): record is Served {
  return record.at !== null;
}
