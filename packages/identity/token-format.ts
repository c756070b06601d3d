// The text of a token: a compact JWS (RFC 7515) signed with HMAC-SHA256. Ids are packed, so that a token
// stays under half a kilobyte and can travel in every request's headers.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Millis } from "@micronova/kit";
import type { KeyRing, TokenKey } from "./token-keys.ts";

export type Scope =
  | { readonly kind: "unscoped" }
  | { readonly kind: "project"; readonly id: string; readonly name: string; readonly domainId: string }
  | { readonly kind: "domain"; readonly id: string; readonly name: string }
  | { readonly kind: "system" };

/** What a token says. */
export interface Claims {
  /** The token's own, then that of the first token of its chain. */
  readonly auditIds: readonly string[];
  readonly userId: string;
  readonly userName: string;
  readonly userDomainId: string;
  readonly scope: Scope;
  /** Names, implied ones included. */
  readonly roles: readonly string[];
  readonly methods: readonly string[];
  readonly issuedAt: Millis;
  readonly expiresAt: Millis;
  /** How many revocations there were when it was made; later ones may concern it. */
  readonly generation: number;
  readonly applicationCredentialId: string | null;
}

/** The claims in the order they are written. */
type Packed = readonly [
  auditIds: readonly string[],
  user: readonly [id: string, name: string, domainId: string],
  scope: readonly string[],
  roles: readonly string[],
  methods: readonly string[],
  issuedAt: Millis,
  expiresAt: Millis,
  generation: number,
  applicationCredentialId: string | null,
];

export function writeToken(claims: Claims, key: TokenKey): string {
  const header = encode({ alg: "HS256", kid: key.id });
  const signed = `${header}.${encode({ c: pack(claims) })}`;
  return `${signed}.${sign(signed, key).toString("base64url")}`;
}

/** The key a token names, whether or not it is ours; null when the text is no token at all. */
export function keyIdOf(token: string): string | null {
  const header = decode(token.split(".", 1)[0]!);
  if (typeof header !== "object" || header === null || !("kid" in header) || !("alg" in header)) return null;
  return header.alg === "HS256" && typeof header.kid === "string" ? header.kid : null;
}

/**
 * The claims, when the token was signed with a key of the ring; null otherwise. Says nothing about its age.
 */
export function readToken(token: string, keys: KeyRing): Claims | null {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  const keyId = keyIdOf(token);
  const key = keys.find((candidate) => candidate.id === keyId);
  if (key === undefined) return null;
  const signature = Buffer.from(parts[2]!, "base64url");
  const expected = sign(`${parts[0]}.${parts[1]}`, key);
  // Re-encoding refuses the same bytes spelled differently, which would slip past a list of revoked texts.
  if (signature.length !== expected.length || expected.toString("base64url") !== parts[2]) return null;
  if (!timingSafeEqual(signature, expected)) return null;
  // Written by `writeToken`, as the signature proves.
  return unpack((decode(parts[1]!) as { c: Packed }).c);
}

function sign(text: string, key: TokenKey): Buffer {
  return createHmac("sha256", key.secret).update(text).digest();
}

function pack(claims: Claims): Packed {
  return [
    claims.auditIds,
    [packId(claims.userId), claims.userName, packId(claims.userDomainId)],
    packScope(claims.scope),
    claims.roles,
    claims.methods,
    claims.issuedAt,
    claims.expiresAt,
    claims.generation,
    claims.applicationCredentialId === null ? null : packId(claims.applicationCredentialId),
  ];
}

function unpack(packed: Packed): Claims {
  const [auditIds, [userId, userName, userDomainId], scope, roles, methods, issuedAt, expiresAt] = packed;
  const [, , , , , , , generation, credentialId] = packed;
  return {
    auditIds,
    userId: unpackId(userId),
    userName,
    userDomainId: unpackId(userDomainId),
    scope: unpackScope(scope),
    roles,
    methods,
    issuedAt,
    expiresAt,
    generation,
    applicationCredentialId: credentialId === null ? null : unpackId(credentialId),
  };
}

function packScope(scope: Scope): readonly string[] {
  if (scope.kind === "project") return ["p", packId(scope.id), scope.name, packId(scope.domainId)];
  if (scope.kind === "domain") return ["d", packId(scope.id), scope.name];
  return scope.kind === "system" ? ["s"] : [];
}

function unpackScope([kind, id, name, domainId]: readonly string[]): Scope {
  if (kind === "p") return { kind: "project", id: unpackId(id!), name: name!, domainId: unpackId(domainId!) };
  if (kind === "d") return { kind: "domain", id: unpackId(id!), name: name! };
  return kind === "s" ? { kind: "system" } : { kind: "unscoped" };
}

/** 32 hexadecimal digits become 22 characters; anything else is kept behind a mark. */
function packId(id: string): string {
  return /^[0-9a-f]{32}$/.test(id) ? Buffer.from(id, "hex").toString("base64url") : `=${id}`;
}

function unpackId(packed: string): string {
  return packed.startsWith("=") ? packed.slice(1) : Buffer.from(packed, "base64url").toString("hex");
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    // What is not JSON is not a token; there is nothing more to say about it.
    return null;
  }
}
