// Addresses for the private network of a fresh cloud: a /24 that this machine does not use yet. Where the
// search begins depends on the cloud, so that several clouds of one machine differ even before their first
// bridge is there to be seen.
import { networkInterfaces } from "node:os";

// 192.168.200.0/24 to 192.168.249.0/24: the end of the range that home routers rarely give out.
const first = 200;
const candidates = 50;

export function freeCidr(cloudId: string): string {
  const used = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address);
  const start = Number.parseInt(cloudId, 16) % candidates;
  const prefixes = Array.from(
    { length: candidates },
    (_, n) => `192.168.${first + ((start + n) % candidates)}`,
  );
  const isFree = (prefix: string) => !used.some((address) => address.startsWith(`${prefix}.`));
  return `${prefixes.find(isFree) ?? prefixes[0]}.0/24`;
}
