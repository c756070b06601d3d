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
});
