// Issuing and checking tokens. A check is a look into a bounded map, or one HMAC; the store is asked only for
// what was revoked since the last look, and only when something was.

import type { ApiContext, Authenticator } from "@micronova/http";
import type { Platform, Service } from "@micronova/kit";
import { type Rpc, topic } from "@micronova/rpc";
import type { Store } from "@micronova/store";
import { revocationMemory } from "./revocations.ts";
import { type Claims, keyIdOf, readToken, writeToken } from "./token-format.ts";
import { type KeyRing, readKeys, rotateKeys } from "./token-keys.ts";

/** Tells the other processes to look for revocations. */
const revocationsTopic = topic<{ readonly generation: number }>("identity.revocations");

// An unknown key may be one that another process just made; forged ones must not make us read the file each
// time.
const keysRereadMs = 5_000;
// An announcement may be lost; this bounds how long a revoked token lives in another process.
const refreshMs = 5_000;
// About one kilobyte each.
const cachedMax = 10_000;
// Longer than any token we make; refused before any work is done on it.
const tokenLengthMax = 4_096;
const auditIdBytes = 16;

export interface Tokens extends Authenticator, Service {
  issue(claims: Claims): string;
  /** What a valid token says: ours, unexpired, not taken back. Null otherwise. */
  read(token: string): Promise<Claims | null>;
  newAuditId(): string;
  /** To be called after every change that may have revoked something. */
  refresh(): Promise<void>;
  /** From now on a new key signs; tokens of the two before it stay valid. */
  rotate(): void;
}

export interface TokensDeps {
  readonly platform: Platform;
  readonly store: Store;
  /** The file of the signing keys; made when absent. */
  readonly keyPath: string;
  /** Given when several processes check tokens. */
  readonly rpc?: Rpc;
}

interface Verified {
  readonly claims: Claims;
  readonly context: ApiContext;
  checkedAt: number;
}

export function tokens(deps: TokensDeps): Tokens {
  const { platform, store } = deps;
  const { clock } = platform;
  const ring = keyRing(deps);
  const revocations = revocationMemory();
  const cache = new Map<string, Verified>();
  const stopped = new AbortController();
  let loaded: Promise<void> | null = null;
  const load = () => {
    loaded ??= revocations.refresh(store.read);
    return loaded;
  };

  async function find(token: string): Promise<Verified | null> {
    if (token.length > tokenLengthMax) return null;
    await load();
    const verified = cache.get(token) ?? verify(token, ring.for(token));
    if (verified === null) return null;
    const isOver = verified.claims.expiresAt <= clock.now() || isRevoked(verified);
    if (isOver) cache.delete(token);
    else if (!cache.has(token)) remember(cache, token, verified);
    return isOver ? null : verified;
  }

  function isRevoked(verified: Verified): boolean {
    if (verified.checkedAt === revocations.generation) return false;
    verified.checkedAt = revocations.generation;
    return revocations.isRevoked(verified.claims);
  }

  async function refresh(): Promise<void> {
    await load();
    const before = revocations.generation;
    await revocations.refresh(store.read);
    const { generation } = revocations;
    if (generation !== before) await deps.rpc?.announce(revocationsTopic, { generation });
  }

  const listener = deps.rpc?.listen(revocationsTopic, () => {
    revocations.refresh(store.read).catch((error) => platform.log.error({ error }, "revocations not read"));
  });
  return {
    name: "tokens",
    async start() {
      ring.current();
      await load();
      await listener?.start();
      if (deps.rpc !== undefined)
        keepFresh({ platform, refresh: () => revocations.refresh(store.read) }, stopped.signal);
    },
    async stop() {
      stopped.abort();
      await listener?.stop();
    },
    issue: (claims) => writeToken(claims, ring.current()[0]),
    read: async (token) => (await find(token))?.claims ?? null,
    authenticate: async (token) => (await find(token))?.context ?? null,
    newAuditId: () => Buffer.from(platform.random.bytes(auditIdBytes)).toString("base64url"),
    refresh,
    rotate() {
      ring.rotate();
      // What the oldest key signed ends here, also where it was checked before.
      cache.clear();
    },
  };
}

function keyRing({ platform, keyPath }: TokensDeps) {
  let keys: KeyRing | null = null;
  let readAt = 0;
  const current = () => {
    keys ??= readKeys(keyPath, platform);
    return keys;
  };
  return {
    current,
    /** The keys, read again when the token names one we do not know. */
    for(token: string): KeyRing {
      const known = current();
      const wanted = keyIdOf(token);
      const at = platform.clock.now();
      if (wanted === null || known.some((key) => key.id === wanted) || at - readAt < keysRereadMs)
        return known;
      readAt = at;
      keys = readKeys(keyPath, platform);
      return keys;
    },
    rotate() {
      keys = rotateKeys(keyPath, platform);
    },
  };
}

function verify(token: string, keys: KeyRing): Verified | null {
  const claims = readToken(token, keys);
  return claims === null ? null : { claims, context: contextOf(claims, token), checkedAt: -1 };
}

function remember(cache: Map<string, Verified>, token: string, verified: Verified): void {
  const [oldest] = cache.size >= cachedMax ? cache.keys() : [];
  if (oldest !== undefined) cache.delete(oldest);
  cache.set(token, verified);
}

function contextOf(claims: Claims, token: string): ApiContext {
  const { scope } = claims;
  const project = scope.kind === "project" ? scope : null;
  return {
    // The pipeline puts the request's own id here.
    requestId: "",
    userId: claims.userId,
    userName: claims.userName,
    userDomainId: claims.userDomainId,
    projectId: project?.id ?? null,
    projectName: project?.name ?? null,
    projectDomainId: project?.domainId ?? null,
    domainId: scope.kind === "domain" ? scope.id : null,
    isSystem: scope.kind === "system",
    roles: claims.roles,
    isAdmin: claims.roles.includes("admin"),
    token,
  };
}

async function keepFresh(
  deps: { readonly platform: Platform; readonly refresh: () => Promise<void> },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await deps.platform.clock.sleep(refreshMs, signal);
      await deps.refresh();
    } catch (error) {
      if (!signal.aborted) deps.platform.log.error({ error }, "revocations not read");
    }
  }
}
