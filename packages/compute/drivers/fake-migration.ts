// Moving pretended servers: what is put aside and what arrives are rows beside the guests'.
import type { Uuid } from "@micronova/kit";
import type { DomainSpec, MigrationDriver } from "./driver.ts";
import { driverErrors } from "./errors.ts";
import { type FakeDomain, infoOf, powered, started } from "./fake.ts";

interface FakeHost {
  readonly domains: ReadonlyMap<string, FakeDomain>;
  put(key: string, domain: FakeDomain | null): Promise<void>;
  /** One thing at a time for each server. */
  work<T>(serverId: Uuid, act: () => Promise<T>): Promise<T>;
}

const arriving = "arriving";
const bytesPerGb = 1024 ** 3;
const bytesPerMb = 1024 ** 2;

export function keyOf({ spec, slot }: FakeDomain): string {
  return (slot ?? null) === null ? spec.serverId : `${spec.serverId}/${slot}`;
}

export function fakeMigration({ domains, put, work }: FakeHost): MigrationDriver {
  const at = (serverId: Uuid, slot: string) => domains.get(`${serverId}/${slot}`) ?? null;
  const moved = async (from: FakeDomain, slot: string | null, change: Partial<FakeDomain> = {}) => {
    const domain = { ...from, ...change, slot };
    // Both before anything else happens, as a renamed folder is.
    await Promise.all([put(keyOf(domain), domain), put(keyOf(from), null)]);
    return domain;
  };
  return {
    disks: (serverId) =>
      work(serverId, async () => {
        const domain = domains.get(serverId);
        if (domain === undefined) throw driverErrors.noDomain(serverId);
        return disksOf(domain.spec);
      }),
    receive: (serverId) =>
      work(serverId, async () => {
        const domain = { ...started(blank(serverId)), power: "shutdown", slot: arriving } as const;
        await put(keyOf(domain), domain);
        return null;
      }),
    unreceive: (serverId) => work(serverId, () => put(`${serverId}/${arriving}`, null)),
    leave: (serverId, copy) =>
      work(serverId, async () => {
        if (at(serverId, copy) !== null) return;
        const domain = domains.get(serverId);
        if (domain === undefined) throw driverErrors.noDomain(serverId);
        await moved(powered(domain, false), copy);
      }),
    async send() {},
    arrive: (spec, on) =>
      work(spec.serverId, async () => {
        const known = domains.get(spec.serverId);
        if (known !== undefined) return infoOf(known);
        const disks = at(spec.serverId, arriving);
        if (disks === null) throw driverErrors.noCopy(spec.serverId, arriving);
        return infoOf(await moved(disks, null, powered(started(spec), on)));
      }),
    comeBack: (serverId, copy, { on, nics, volumes }) =>
      work(serverId, async () => {
        const aside = at(serverId, copy);
        const before = aside ?? domains.get(serverId);
        if (before === undefined) throw driverErrors.noCopy(serverId, copy);
        const domain = powered({ ...before, spec: { ...before.spec, nics, volumes } }, on);
        if (aside === null) await put(serverId, domain);
        else await moved(aside, null, domain);
        return infoOf(domain);
      }),
    drop: (serverId) => work(serverId, () => put(serverId, null)),
    forget: (serverId, copy) => work(serverId, () => put(`${serverId}/${copy}`, null)),
    copies: async () =>
      [...domains.values()].flatMap(({ spec: { serverId }, slot }) =>
        (slot ?? null) === null ? [] : [{ serverId, copy: slot === arriving ? null : slot! }],
      ),
  };
}

function disksOf({ image, rootGb, ephemeralGb, swapMb }: DomainSpec) {
  const disks = [
    { name: "root", bytes: image === null ? 0 : rootGb * bytesPerGb },
    { name: "ephemeral", bytes: ephemeralGb * bytesPerGb },
    { name: "swap", bytes: swapMb * bytesPerMb },
  ] as const;
  return disks.filter(({ bytes }) => bytes > 0);
}

/** Disks of a server whose description has not come yet. */
function blank(serverId: Uuid): DomainSpec {
  return {
    serverId,
    name: "",
    vcpus: 1,
    memoryMb: 0,
    rootGb: 0,
    ephemeralGb: 0,
    swapMb: 0,
    image: null,
    kernel: null,
    architecture: "",
    nics: [],
    volumes: [],
    configDrive: null,
  };
}
