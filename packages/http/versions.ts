// Microversions as data: spans of versions, and the negotiation of one request's version. No other file
// compares versions.
import { httpErrors } from "./errors.ts";

/** A microversion such as `2.79`: compared by its two numbers, so 2.9 comes before 2.10. */
export type Version = string;

/** The versions for which something exists; both ends included. */
export interface Span {
  readonly since?: Version;
  readonly until?: Version;
}

/** A service's microversions: the header's service type, and what each version brought. */
export interface History {
  /**
   * `compute` for `OpenStack-API-Version: compute 2.79`; legacy headers such as
   * `X-OpenStack-Nova-API-Version` besides.
   */
  readonly serviceType: string;
  readonly legacyHeader?: string;
  readonly min: Version;
  readonly max: Version;
  readonly changes: Readonly<Record<Version, string>>;
}

export function since(version: Version): Span {
  return { since: version };
}

export function until(version: Version): Span {
  return { until: version };
}

export function between(first: Version, last: Version): Span {
  return { since: first, until: last };
}

/** The version of services without microversions, in every request to them. */
export const unversioned: Version = "0.0";

const ordinals = new Map<Version, number>();
// The minor number stays below this, so that one number orders both parts.
const minorMax = 100_000;

/**
 * A number that orders versions; remembered, so only for versions of ours and not for what a client sends.
 */
export function ordinal(version: Version): number {
  const known = ordinals.get(version);
  if (known !== undefined) return known;
  const number = ordinalOf(version);
  ordinals.set(version, number);
  return number;
}

function ordinalOf(version: Version): number {
  const [major, minor] = version.split(".").map(Number);
  if (major === undefined || minor === undefined || Number.isNaN(major + minor)) {
    throw new Error(`${version} is not a version.`);
  }
  return major * minorMax + minor;
}

export function covers(span: Span, version: Version): boolean {
  if (span.since === undefined && span.until === undefined) return true;
  const at = ordinal(version);
  if (span.since !== undefined && at < ordinal(span.since)) return false;
  return span.until === undefined || at <= ordinal(span.until);
}

/** Whether some version is in both spans. */
export function overlap(a: Span, b: Span): boolean {
  const first = Math.max(ordinal(a.since ?? "0.0"), ordinal(b.since ?? "0.0"));
  const last = Math.min(ordinal(a.until ?? "99999.0"), ordinal(b.until ?? "99999.0"));
  return first <= last;
}

const versionPattern = /^[1-9]\d{0,4}\.(0|[1-9]\d{0,4})$/;

/** The version a request asks for: none is the oldest, `latest` the newest; throws 400 or 406. */
export function negotiate(history: History, headers: Readonly<Record<string, string | undefined>>): Version {
  const asked = askedVersion(history, headers);
  if (asked === null) return history.min;
  if (asked === "latest") return history.max;
  if (!versionPattern.test(asked)) throw httpErrors.versionMalformed(asked);
  const at = ordinalOf(asked);
  if (at < ordinal(history.min) || at > ordinal(history.max)) {
    throw httpErrors.versionUnsupported(asked, history.min, history.max);
  }
  return asked;
}

/** What the headers say: `compute 2.79` among several services' versions, else the legacy header. */
function askedVersion(
  history: History,
  headers: Readonly<Record<string, string | undefined>>,
): string | null {
  const header = headers["openstack-api-version"];
  if (header !== undefined) {
    for (const part of header.split(",")) {
      const [type, version] = part.trim().toLowerCase().split(/\s+/);
      if (type === history.serviceType) return version ?? "";
    }
  }
  if (history.legacyHeader === undefined) return null;
  return headers[history.legacyHeader.toLowerCase()]?.trim() ?? null;
}

/** The headers every answer of a versioned service carries. */
export function versionHeaders(history: History, version: Version): Record<string, string> {
  const legacy = history.legacyHeader;
  return {
    "OpenStack-API-Version": `${history.serviceType} ${version}`,
    Vary: legacy === undefined ? "OpenStack-API-Version" : `OpenStack-API-Version, ${legacy}`,
    ...(legacy === undefined ? {} : { [legacy]: version }),
  };
}
