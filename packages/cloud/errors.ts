// What can go wrong when a cloud starts: one sentence each, which says what to do.
import { errorTable } from "@micronova/kit";

export const errors = errorTable("cloud", {
  dirUnusable: {
    status: 500,
    text: (dir: string, why: string) =>
      `The data directory ${dir} cannot be used (${why}); choose one with --data-dir.`,
  },
  diskFull: {
    status: 500,
    text: (path: string) => `The disk that holds ${path} is full; make room and try again.`,
  },
  alreadyRunning: {
    status: 500,
    text: (dir: string, pid: number | null) =>
      `A cloud already runs on ${dir}${pid === null ? "" : ` (process ${pid})`}; stop it with \`micronova down --data-dir ${dir}\`.`,
  },
  newerData: {
    status: 500,
    text: (dir: string, found: number, known: number) =>
      `The data in ${dir} has format ${found} and this version knows ${known}; start it with a newer Micronova.`,
  },
  brokenSecrets: {
    status: 500,
    text: (path: string) =>
      `${path} is damaged; put its backup in place, or remove the data directory to begin anew.`,
  },
  needsTls: {
    status: 500,
    text: (address: string) =>
      `Listening on ${address} needs TLS: set tls.key and tls.cert in the configuration, or say --insecure.`,
  },
  busRuns: {
    status: 500,
    text: (dir: string) => `A bus runs on ${dir} already; end \`micronova bus serve\` there first.`,
  },
  twoBuses: {
    status: 500,
    text: () =>
      "bus.urls names brokers elsewhere and bus.listen serves the broker inside, which is not used then; set one of them.",
  },
  noBus: {
    status: 500,
    text: () =>
      "A process with some of the roles needs the bus of the others: set bus.urls, or give it the role broker.",
  },
  noBusAddress: {
    status: 500,
    text: () => "The role broker needs bus.listen, the address where the other processes find it.",
  },
  noStore: {
    status: 404,
    text: (dir: string) =>
      `There is no cloud.db in ${dir}; choose the cloud's data directory with --data-dir.`,
  },
  badStoreUrl: {
    status: 400,
    text: (url: string) => `${url} is no URL like postgres://user:password@host:5432/database.`,
  },
  noPublicUrl: {
    status: 501,
    text: () =>
      "bus.listen means every address, which tells a host none; set public_url, whose host it then uses, or bus.listen.",
  },
  managementRefused: {
    status: 503,
    text: (url: string, why: string) => `The management API of the brokers at ${url} refused: ${why}.`,
    retriable: true,
  },
  badConfig: { status: 500, text: (sentence: string) => sentence },
  noSuchRole: {
    status: 500,
    text: (role: string, known: string) => `There is no role ${role}; roles are ${known}.`,
  },
  roleRuns: {
    status: 500,
    text: (role: string, dir: string, pid: number | null) =>
      `The role ${role} runs on ${dir} already${pid === null ? "" : ` (process ${pid})`}; ` +
      "stop that process, or use another data directory.",
  },
  hostNamed: {
    status: 500,
    text: (dir: string, known: string, asked: string) =>
      `The host of ${dir} is called ${known}, and its servers and volumes know it by that name: ` +
      `leave --name ${asked} out, or use another data directory.`,
  },
  storeShared: {
    status: 500,
    text: (path: string) =>
      `Another process has ${path} open, and SQLite is for one: set store.url, or give api, conductor and scheduler to one process.`,
  },
  healthTaken: {
    status: 500,
    text: (address: string, why: string) =>
      `The health address ${address} cannot be listened on (${why}); choose another with --health or health.listen.`,
  },
  lastingEphemeral: {
    status: 500,
    text: () =>
      "An ephemeral cloud keeps nothing, and store.url names a database that does; set one of them.",
  },
  badAddress: {
    status: 500,
    text: (setting: string, value: string) =>
      `${setting} is an address and a port, like 127.0.0.1:5672, and not ${value}.`,
  },
  unreadableFile: {
    status: 500,
    text: (setting: string, path: string, why: string) =>
      `The file of ${setting}, ${path}, cannot be read (${why}).`,
  },
  regionFixed: {
    status: 500,
    text: (made: string, asked: string) =>
      `This cloud was made with the region ${made} and cannot become ${asked}; set region back, or use another directory.`,
  },
  noQemu: {
    status: 500,
    text: () =>
      "qemu-system-x86_64 is not installed: install the packages qemu-system-x86 and qemu-utils, or start with --virt fake.",
  },
  noLvm: {
    status: 500,
    text: (why: string) =>
      `LVM cannot be used, as ${why}: install the packages lvm2 and util-linux, or set volume.driver to file.`,
  },
  authorityElsewhere: {
    status: 500,
    text: (folder: string) =>
      `${folder} holds a host's certificate of an authority elsewhere; make certificates where that one's ca.key is.`,
  },
  twoAuthorities: {
    status: 500,
    text: (folder: string) =>
      `The authority in ${folder} is not the cloud's, which another API made; move that folder away, and give the hosts it ` +
      "knows certificates anew.",
  },
  badHostName: {
    status: 400,
    text: (name: string) =>
      `${name} cannot be a host's name: letters, digits, dots, hyphens and underscores, 64 at most.`,
  },
});
