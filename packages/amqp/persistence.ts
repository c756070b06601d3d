// Makes a broker outlive its process: definitions, journal and pages in one directory. Start it before any
// door opens, and stop it after all are closed.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Service } from "@micronova/kit";
import type { Broker } from "./broker.ts";
import type { MessageQueue } from "./queue/message-queue.ts";
import type { PagingLimits } from "./queue/paged-line.ts";
import { DefinitionsFile } from "./segments/definitions-file.ts";
import { FilePager } from "./segments/pager.ts";
import { recover } from "./segments/recovery.ts";
import { SegmentJournal } from "./segments/segment-journal.ts";

/** Tests page and change segments sooner. */
export interface StorageOptions {
  readonly segmentBytes?: number;
  readonly paging?: PagingLimits;
}

export function persistence(
  broker: Broker,
  dir: string,
  { segmentBytes, paging }: StorageOptions = {},
): Service {
  const { platform, form } = broker;
  let definitions: DefinitionsFile | null = null;
  let journal: SegmentJournal | null = null;
  let pager: FilePager | null = null;
  const trouble = (what: string) => (lack: "disk" | null) => broker.alarm(what, lack);
  return {
    name: "bus storage",
    async start() {
      const segmentsDir = join(dir, "segments");
      mkdirSync(segmentsDir, { recursive: true, mode: 0o700 });
      const limits = paging === undefined ? {} : { limits: paging };
      pager = new FilePager(dir, platform, { form, onTrouble: trouble("pages"), ...limits });
      broker.setPager(pager);
      const file = new DefinitionsFile(dir, platform, trouble("definitions"));
      definitions = file;
      const queues = restoreDefinitions(broker, file);
      const recovered = recover(
        segmentsDir,
        (number) => queues.has(number),
        (number, pages) => queues.get(number)?.restore(pages),
      );
      const options = {
        dir: segmentsDir,
        form,
        onTrouble: (what: string, lack: "disk" | null) => broker.alarm(what, lack),
        before: () => file.sync(),
        writeDeleted: () => file.writeDown(),
        ...(segmentBytes === undefined ? {} : { segmentBytes }),
      };
      journal = new SegmentJournal(platform, options, recovered.segments, recovered.nextId);
      broker.keepIn(file, journal);
    },
    async stop() {
      await journal?.close();
      definitions?.close();
      pager?.close();
    },
  };
}

/** Declares what was declared; returns the queues by their numbers. */
function restoreDefinitions(broker: Broker, file: DefinitionsFile): ReadonlyMap<number, MessageQueue> {
  const queues = new Map<number, MessageQueue>();
  for (const { name, ...about } of file.hosts) broker.addHost(name, about);
  // A directory of which nobody was ever the master has no users to begin with.
  if (file.hosts.length > 0) broker.access.restore(file.users, file.permissions);
  for (const { host, policy } of file.policies) broker.addHost(host).putPolicy(policy);
  for (const { host, spec } of file.exchanges) broker.addHost(host).declareExchange(spec);
  for (const { host, number, spec } of file.queues) {
    const queue = broker.addHost(host).declareQueue(spec, broker);
    queue.journalId = number;
    queues.set(number, queue);
  }
  for (const { host: name, source, target, isToQueue, key, arguments: args } of file.bindings) {
    const host = broker.addHost(name);
    const bound = isToQueue ? host.findQueue(target) : host.findExchange(target);
    if (bound !== null && host.findExchange(source) !== null)
      host.bind(bound, { source, key, arguments: args });
  }
  return queues;
}
