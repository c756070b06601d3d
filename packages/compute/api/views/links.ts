// Links of compute's resources. `self` keeps the version in its path, `bookmark` is the same without it.
import { createHash } from "node:crypto";

export interface Link {
  readonly rel: "self" | "bookmark";
  readonly href: string;
}

const roots = new Map<string, string>();
/** More roots than a cloud has; a client that invents host names must not fill the memory. */
const rootsMax = 100;

/** The service's root without its version: `http://h/compute/v2.1/p` → `http://h/compute/p`. */
function bookmarkRoot(baseUrl: string): string {
  const known = roots.get(baseUrl);
  if (known !== undefined) return known;
  const root = baseUrl.replace(/\/v2(?:\.1)?(?=\/|$)/, "");
  if (roots.size < rootsMax) roots.set(baseUrl, root);
  return root;
}

export function linksTo(baseUrl: string, collection: string, id: string): Link[] {
  return [
    { rel: "self", href: `${baseUrl}/${collection}/${id}` },
    { rel: "bookmark", href: `${bookmarkRoot(baseUrl)}/${collection}/${id}` },
  ];
}

export function bookmarkTo(baseUrl: string, collection: string, id: string): Link[] {
  return [{ rel: "bookmark", href: `${bookmarkRoot(baseUrl)}/${collection}/${id}` }];
}

const hostIds = new Map<string, string>();
const hostIdsMax = 10_000;

/**
 * The host as a user may know it: the same for servers of one project on one host, and telling nothing else.
 */
export function hostIdOf(projectId: string, host: string | null): string {
  if (host === null) return "";
  const key = projectId + host;
  let id = hostIds.get(key);
  if (id === undefined) {
    id = createHash("sha224").update(key).digest("hex");
    if (hostIds.size < hostIdsMax) hostIds.set(key, id);
  }
  return id;
}
