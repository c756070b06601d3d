// Issuing and checking tokens. A check is a look into a bounded map, or one HMAC; the store is asked only for
// what was revoked since the last look, and only when something was.

import type { ApiContext, Authenticator } from "@micronova/http";
import type { Platform, Service } from "@micronova/kit";
import { type Rpc, topic } from "@micronova/rpc";
import type { Store } from "@micronova/store";
import { revocationMemory } from "./revocations.ts";
import { type Claims, keyIdOf, readToken, writeToken } from "./token-format.ts";
import { KnownKeys, rotateKeys } from "./token-keys.ts";

/** Tells the other processes to look for revocations, and for new keys. */
const revocationsTopic = topic<{ readonly generation: number }>("identity.revocations");

// An announcement may be lost; this bounds how long a revoked token lives in another process.
const refreshMs = 1_000;
// About one kilobyte each.
const cachedMax = 10_000;
// Longer than any token we make; refused before any work is done on it.
const tokenLengthMax = 4_096;
const auditIdBytes = 16;

export interface Tokens extends Authenticator, Service {
  /** To be called once it is started. */
  issue(claims: Claims): string;
  /** What a valid token says: ours, unexpired, not taken back. Null otherwise. */
  read(token: string): Promise<Claims | null>;
  newAuditId(): string;
  /** To be called after every change that may have revoked something. */
  refresh(): Promise<void>;
  /** From now on a new key signs; tokens of the two before it stay valid. */
  rotate(): Promise<void>;
}

export interface TokensDeps {
  readonly platform: Platform;
  readonly store: Store;
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
  const keys = new KnownKeys({ store, ...platform });
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
    const verified = cache.get(token) ?? (await verify(token, keys));
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

  /** What others did: revocations, and keys. What a key that has left signed ends here too. */
  async function lookAround(): Promise<void> {
    await revocations.refresh(store.read);
    const [{ id: before }] = await keys.current();
    const [{ id }] = await keys.refresh();
    if (id !== before) cache.clear();
  }

  const listener = deps.rpc?.listen(revocationsTopic, () => {
    lookAround().catch((error) => platform.log.error({ error }, "revocations not read"));
  });
  return {
    name: "tokens",
    async start() {
      await keys.current();
      await load();
      await listener?.start();
      if (deps.rpc !== undefined) void keepFresh({ platform, refresh: lookAround }, stopped.signal);
    },
    async stop() {
      stopped.abort();
      await listener?.stop();
    },
    issue: (claims) => writeToken(claims, keys.newest()),
    read: async (token) => (await find(token))?.claims ?? null,
    authenticate: async (token) => (await find(token))?.context ?? null,
    newAuditId: () => Buffer.from(platform.random.bytes(auditIdBytes)).toString("base64url"),
    refresh,
    async rotate() {
      await rotateKeys({ store, ...platform });
      await lookAround();
      await deps.rpc?.announce(revocationsTopic, { generation: revocations.generation });
    },
  };
}

async function verify(token: string, keys: KnownKeys): Promise<Verified | null> {
  const keyId = keyIdOf(token);
  const claims = keyId === null ? null : readToken(token, await keys.with(keyId));
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
