// IPv4 arithmetic: addresses as numbers, prefixes and ranges. Pure; nouns and drivers share it.

export interface Ipv4Prefix {
  readonly first: number;
  readonly last: number;
  readonly length: number;
}

export interface Ipv4Range {
  readonly first: number;
  readonly last: number;
}

const addressPattern = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;
const prefixPattern = /^([\d.]+)(?:\/(\d{1,2}))?$/;

/** The address as a number, or null when the text is not a dotted quad. */
export function parseIpv4(text: string): number | null {
  const parts = addressPattern.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return null;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/**
 * Reads `10.0.0.0/24`; a bare address is a prefix of length 32. Bits beyond the prefix are dropped, as
 * Neutron does.
 */
export function parsePrefix(text: string): Ipv4Prefix | null {
  const match = prefixPattern.exec(text);
  const address = match === null ? null : parseIpv4(match[1]!);
  const length = match?.[2] === undefined ? 32 : Number(match[2]);
  if (address === null || length > 32) return null;
  const size = 2 ** (32 - length);
  const first = address - (address % size);
  return { first, last: first + size - 1, length };
}

export function formatPrefix(prefix: Ipv4Prefix): string {
  return `${formatIpv4(prefix.first)}/${prefix.length}`;
}

export function contains(range: Ipv4Range, address: number): boolean {
  return range.first <= address && address <= range.last;
}

export function overlaps(a: Ipv4Range, b: Ipv4Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The addresses a host may have: all but the prefix's own and its broadcast address. */
export function hostRange(prefix: Ipv4Prefix): Ipv4Range {
  if (prefix.length >= 31) return { first: prefix.first, last: prefix.last };
  return { first: prefix.first + 1, last: prefix.last - 1 };
}

/** What is left of a range without one address: none, one or two ranges. */
export function without(range: Ipv4Range, address: number | null): readonly Ipv4Range[] {
  if (address === null || !contains(range, address)) return [range];
  const parts = [
    { first: range.first, last: address - 1 },
    { first: address + 1, last: range.last },
  ];
  return parts.filter((part) => part.first <= part.last);
}

/** `255.255.255.0` for 24. */
export function netmask(length: number): string {
  return formatIpv4(2 ** 32 - 2 ** (32 - length));
}
