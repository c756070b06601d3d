// What can go wrong on the command line itself.
import { errorTable } from "@micronova/kit";

export const cliErrors = errorTable("cli", {
  noCloud: {
    status: 404,
    text: (dir: string) => `There is no cloud in ${dir}; start one with \`micronova up\`.`,
  },
  notRunning: { status: 409, text: (dir: string) => `No cloud runs on ${dir}.` },
  didNotStart: { status: 500, text: (why: string) => `The cloud did not start: ${why}` },
  didNotStop: { status: 500, text: (pid: number) => `Process ${pid} did not end; look at its log.` },
  badToken: {
    status: 400,
    text: () => "That is no token of `micronova host token`; copy the whole line.",
  },
  otherCertificate: {
    status: 403,
    text: (url: string) =>
      `${url} shows another certificate than when the token was made; nothing was sent. Ask for a new token if it was renewed.`,
  },
  joinRefused: { status: 403, text: (url: string, why: string) => `${url} refused: ${why}` },
  joinUnreachable: { status: 503, text: (url: string, why: string) => `${url} cannot be reached: ${why}.` },
  joinedAlready: {
    status: 409,
    text: (dir: string) =>
      `${dir} is a host's or a cloud's already; start it with \`micronova serve\`, or choose another --data-dir.`,
  },
  notANumber: {
    status: 400,
    text: (option: string, value: string) => `${option} takes a number, not ${value}.`,
  },
  notLoopback: {
    status: 400,
    text: (address: string) =>
      `${address} is not loopback: that needs TLS or --insecure, since nothing is encrypted.`,
  },
  tlsNeedsBoth: { status: 400, text: () => "TLS needs both --tls-cert and --tls-key." },
  badTls: { status: 400, text: (why: string) => `TLS cannot be served with these files: ${why}.` },
  unreadable: { status: 400, text: (path: string, why: string) => `${path} cannot be read: ${why}.` },
  noBus: {
    status: 404,
    text: (dir: string) =>
      `No bus runs on ${dir}; start one with \`micronova bus serve\`, or name one with --url.`,
  },
  busRuns: {
    status: 409,
    text: (dir: string) => `A bus runs on ${dir} already; end it first, or choose another --data-dir.`,
  },
  busUnreachable: { status: 503, text: (url: string, why: string) => `${url} cannot be reached: ${why}.` },
  busRefused: { status: 403, text: (url: string, why: string) => `${url} refused: ${why}.` },
  badBusUrl: {
    status: 400,
    text: (url: string) => `${url} is no URL like http://user:password@host:15672.`,
  },
  managementPort: {
    status: 500,
    text: (host: string, port: number) =>
      `Port ${port} on ${host} is already in use; choose another with --management-port.`,
  },
  needsYes: {
    status: 400,
    text: (dir: string) => `This removes everything in ${dir}; say --yes to confirm.`,
  },
  repairNeedsYes: {
    status: 400,
    text: () => "Repairs are started with --yes where nobody can be asked; --dry-run shows them.",
  },
  ruleOrFile: {
    status: 400,
    text: () => "A fault rule is a place and an action, such as `http drop`, or many of them in a --file.",
  },
  step: { status: 500, text: (what: string, why: string) => `${what} failed: ${why}` },
});
