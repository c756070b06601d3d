// Addresses for the private network of a fresh cloud: the first of a few /24s that this machine does not use yet, so that
// several clouds can live on one machine.
import { networkInterfaces } from "node:os";

const candidates = Array.from({ length: 20 }, (_, n) => `192.168.${233 + n}`);

export function freeCidr(): string {
  const used = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address);
  const isFree = (prefix: string) => !used.some((address) => address.startsWith(`${prefix}.`));
  return `${candidates.find(isFree) ?? candidates[0]}.0/24`;
}
