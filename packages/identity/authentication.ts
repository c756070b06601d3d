// Logging in: who the caller proves to be, which scope is asked for, and the token that says so. The caller
// never learns why it was refused; the local log does.
import type { Fault, Millis } from "@micronova/kit";
import type { Tx } from "@micronova/store";
import { type ApplicationCredential, findCredential, listCredentials } from "./application-credentials.ts";
import { effectiveRoleIds, type ScopeRef, systemScope } from "./assignments.ts";
import type { IdentityDeps } from "./deps.ts";
import { type Domain, findDomain, findDomainByName } from "./domains.ts";
import { errors } from "./errors.ts";
import { findProject, listProjects, type Project } from "./projects.ts";
import { tokenGeneration } from "./revocations.ts";
import { listRoles, withImplied } from "./roles.ts";
import type { Claims, Scope } from "./token-format.ts";
import { findUser, listUsers, passwordHashOf, type User } from "./users.ts";

// Long enough for a day's scripts to refresh seldom, short enough that a stolen one is of little use.
// Keystone's own.
const tokenLifeMs: Millis = 3_600_000;

export interface DomainRef {
  readonly id?: string;
  readonly name?: string;
}
export interface UserRef {
  readonly id?: string;
  readonly name?: string;
  readonly domain?: DomainRef;
}

/** The body of `POST /v3/auth/tokens`, under `auth`. */
export interface AuthRequest {
  readonly identity: {
    readonly methods: readonly string[];
    readonly password?: { readonly user: UserRef & { readonly password: string } };
    readonly token?: { readonly id: string };
    readonly application_credential?: {
      readonly id?: string;
      readonly name?: string;
      readonly user?: UserRef;
      readonly secret: string;
    };
  };
  readonly scope?: string | ScopeRequest;
}
export interface ScopeRequest {
  readonly project?: { readonly id?: string; readonly name?: string; readonly domain?: DomainRef };
  readonly domain?: DomainRef;
  readonly system?: { readonly all?: boolean | null };
}

/** What a method proved. */
interface Proof {
  readonly user: User;
  readonly methods: readonly string[];
  /** Of the token that was shown, if one was. */
  readonly earlier: Claims | null;
  readonly credential: ApplicationCredential | null;
}

export interface IssuedToken {
  readonly id: string;
  readonly claims: Claims;
}

/** Checks every method named and makes the token. Throws a 401 that says nothing when anything is wrong. */
export async function logIn(
  deps: IdentityDeps,
  auth: AuthRequest,
  remoteAddress: string,
): Promise<IssuedToken> {
  const refuse: Refuse = (reason, fields = {}) => {
    deps.platform.log.warn({ reason, remoteAddress, ...fields }, "log-in refused");
    return errors.unauthorized();
  };
  const tx = deps.store.read;
  // Read first: whatever is revoked from here on ends the token about to be made.
  const generation = await tokenGeneration(tx);
  const proof = await prove(deps, auth, refuse);
  const domain = await enabledDomain(tx, proof.user, refuse);
  const scope = await resolveScope(tx, auth.scope, proof, refuse);
  const roles = await rolesOn(tx, proof, scope, refuse);
  const claims = claimsOf(deps, { proof, domain, scope, roles, generation });
  deps.platform.log.info({ userId: proof.user.id, scope: scope.kind, remoteAddress }, "logged in");
  return { id: deps.tokens.issue(claims), claims };
}

type Refuse = (reason: string, fields?: Readonly<Record<string, unknown>>) => Fault;

async function prove(deps: IdentityDeps, auth: AuthRequest, refuse: Refuse): Promise<Proof> {
  const proofs: Proof[] = [];
  for (const method of new Set(auth.identity.methods)) {
    const check = methods[method];
    if (check === undefined) throw refuse("unknown method", { method });
    proofs.push(await check(deps, auth, refuse));
  }
  const [first, ...others] = proofs;
  if (first === undefined) throw refuse("no method given");
  if (others.some(({ user }) => user.id !== first.user.id)) throw refuse("methods prove different users");
  return {
    user: first.user,
    methods: [...new Set(proofs.flatMap((proof) => proof.methods))],
    earlier: proofs.find((proof) => proof.earlier !== null)?.earlier ?? null,
    credential: proofs.find((proof) => proof.credential !== null)?.credential ?? null,
  };
}

type MethodCheck = (deps: IdentityDeps, auth: AuthRequest, refuse: Refuse) => Promise<Proof>;

const methods: Readonly<Record<string, MethodCheck>> = {
  password: byPassword,
  token: byToken,
  application_credential: byApplicationCredential,
};

async function byPassword(deps: IdentityDeps, auth: AuthRequest, refuse: Refuse): Promise<Proof> {
  const given = auth.identity.password?.user;
  if (given === undefined) throw errors.invalid("Expecting to find password in identity.");
  const found = await lookUpUser(deps.store.read, given);
  const user = found.user;
  const hash = user === null ? null : await passwordHashOf(deps.store.read, user.id);
  const isRight = await deps.passwords.verify(given.password, hash);
  if (user === null) throw refuse(found.reason, { user: given.id ?? given.name, domain: given.domain });
  if (deps.lockout.isLocked(user.id)) throw refuse("too many wrong passwords", { userId: user.id });
  if (!isRight) {
    deps.lockout.failed(user.id);
    throw refuse("wrong password", { userId: user.id });
  }
  deps.lockout.succeeded(user.id);
  if (user.enabled === 0) throw refuse("user is disabled", { userId: user.id });
  return { user, methods: ["password"], earlier: null, credential: null };
}

async function byToken(deps: IdentityDeps, auth: AuthRequest, refuse: Refuse): Promise<Proof> {
  const id = auth.identity.token?.id;
  if (id === undefined) throw errors.invalid("Expecting to find token in identity.");
  const earlier = await deps.tokens.read(id);
  if (earlier === null) throw refuse("token is not valid");
  if (earlier.applicationCredentialId !== null) {
    throw errors.forbidden("rescope a token of an application credential");
  }
  const user = await findUser(deps.store.read, earlier.userId);
  if (user === null || user.enabled === 0)
    throw refuse("user of the token is gone", { userId: earlier.userId });
  return { user, methods: ["token", ...earlier.methods], earlier, credential: null };
}

async function byApplicationCredential(
  deps: IdentityDeps,
  auth: AuthRequest,
  refuse: Refuse,
): Promise<Proof> {
  const given = auth.identity.application_credential;
  if (given === undefined) throw errors.invalid("Expecting to find application_credential in identity.");
  if (auth.scope !== undefined) {
    throw errors.invalid("Application credentials cannot request a scope.");
  }
  const tx = deps.store.read;
  const credential = await lookUpCredential(tx, given);
  const isRight = await deps.passwords.verify(given.secret, credential?.secret_hash ?? null);
  if (credential === null || !isRight)
    throw refuse("wrong application credential", { id: given.id ?? given.name });
  const isOver = credential.expires_at !== null && credential.expires_at <= deps.platform.clock.now();
  if (isOver) throw refuse("application credential has expired", { id: credential.id });
  const user = await findUser(tx, credential.user_id);
  if (user === null || user.enabled === 0)
    throw refuse("user of the credential is gone", { id: credential.id });
  return { user, methods: ["application_credential"], earlier: null, credential };
}

async function lookUpUser(tx: Tx, ref: UserRef): Promise<{ user: User | null; reason: string }> {
  if (ref.id !== undefined) return { user: await findUser(tx, ref.id), reason: "no such user" };
  if (ref.name === undefined || ref.domain === undefined) {
    throw errors.invalid("Expecting to find id, or name and domain, in user.");
  }
  const domain = await lookUpDomain(tx, ref.domain);
  if (domain === null) return { user: null, reason: "no such domain of the user" };
  const [user] = await listUsers(tx, { domain_id: domain.id, name: ref.name });
  return { user: user ?? null, reason: "no such user in the domain" };
}

async function lookUpCredential(
  tx: Tx,
  ref: { readonly id?: string; readonly name?: string; readonly user?: UserRef },
): Promise<ApplicationCredential | null> {
  if (ref.id !== undefined) return findCredential(tx, ref.id);
  const { user } = await lookUpUser(tx, ref.user ?? {});
  const known = user === null ? [] : await listCredentials(tx, user.id);
  return known.find((credential) => credential.name === ref.name) ?? null;
}

async function lookUpDomain(tx: Tx, ref: DomainRef): Promise<Domain | null> {
  if (ref.id !== undefined) return findDomain(tx, ref.id);
  if (ref.name === undefined) throw errors.invalid("Expecting to find id or name in domain.");
  return findDomainByName(tx, ref.name);
}

async function enabledDomain(tx: Tx, user: User, refuse: Refuse): Promise<Domain> {
  const domain = await findDomain(tx, user.domain_id);
  if (domain === null || domain.enabled === 0) {
    throw refuse("domain of the user is disabled", { userId: user.id, domainId: user.domain_id });
  }
  return domain;
}

async function resolveScope(
  tx: Tx,
  asked: AuthRequest["scope"],
  proof: Proof,
  refuse: Refuse,
): Promise<Scope> {
  if (proof.credential !== null)
    return projectScope(tx, await findProject(tx, proof.credential.project_id), refuse);
  if (asked === undefined) return defaultScope(tx, proof);
  if (typeof asked === "string") return { kind: "unscoped" };
  const kinds = Object.keys(asked).filter((key) => key !== "unscoped");
  if (kinds.length > 1) throw errors.invalid("Specify exactly one of project, domain or system in scope.");
  if (asked.project !== undefined) return projectScope(tx, await lookUpProject(tx, asked.project), refuse);
  if (asked.domain !== undefined) return domainScope(await lookUpDomain(tx, asked.domain), refuse);
  if (asked.system !== undefined) return { kind: "system" };
  if (kinds.length > 0) throw refuse("unknown scope", { scope: kinds[0] });
  return { kind: "unscoped" };
}

async function projectScope(tx: Tx, project: Project | null, refuse: Refuse): Promise<Scope> {
  if (project === null) throw refuse("no such project, or not in that domain");
  if (project.enabled === 0) throw refuse("project is disabled", { projectId: project.id });
  const domain = await findDomain(tx, project.domain_id);
  if (domain === null || domain.enabled === 0) {
    throw refuse("domain of the project is disabled", { domainId: project.domain_id });
  }
  return { kind: "project", id: project.id, name: project.name, domainId: project.domain_id };
}

function domainScope(domain: Domain | null, refuse: Refuse): Scope {
  if (domain === null) throw refuse("no such domain");
  if (domain.enabled === 0) throw refuse("domain is disabled", { domainId: domain.id });
  return { kind: "domain", id: domain.id, name: domain.name };
}

async function lookUpProject(tx: Tx, ref: NonNullable<ScopeRequest["project"]>): Promise<Project | null> {
  if (ref.id !== undefined) return findProject(tx, ref.id);
  if (ref.name === undefined || ref.domain === undefined) {
    throw errors.invalid("Expecting to find id, or name and domain, in project.");
  }
  const domain = await lookUpDomain(tx, ref.domain);
  if (domain === null) return null;
  const [project] = await listProjects(tx, { domain_id: domain.id, name: ref.name });
  return project ?? null;
}

/** Without a word about scope: the user's own project when it can be used, else none. */
async function defaultScope(tx: Tx, proof: Proof): Promise<Scope> {
  const { default_project_id, id } = proof.user;
  const unscoped: Scope = { kind: "unscoped" };
  if (default_project_id === null || proof.earlier !== null) return unscoped;
  const project = await findProject(tx, default_project_id);
  if (project === null || project.enabled === 0) return unscoped;
  const roleIds = await effectiveRoleIds(tx, id, { kind: "project", id: project.id });
  if (roleIds.length === 0) return unscoped;
  return { kind: "project", id: project.id, name: project.name, domainId: project.domain_id };
}

async function rolesOn(tx: Tx, proof: Proof, scope: Scope, refuse: Refuse): Promise<string[]> {
  const ref = scopeRef(scope);
  if (ref === null) return [];
  const held = await effectiveRoleIds(tx, proof.user.id, ref);
  const allowed = proof.credential === null ? null : await credentialRoles(tx, proof.credential);
  const ids = allowed === null ? held : held.filter((id) => allowed.includes(id));
  // Roles of a domain are names for sets of others; they never show in a token.
  const roles = (await listRoles(tx, { domain_id: null })).filter((role) => ids.includes(role.id));
  if (roles.length > 0) return roles.map((role) => role.name);
  throw refuse("no role on the scope", { userId: proof.user.id, ...ref });
}

async function credentialRoles(tx: Tx, credential: ApplicationCredential): Promise<string[]> {
  return withImplied(tx, JSON.parse(credential.roles));
}

function scopeRef(scope: Scope): ScopeRef | null {
  if (scope.kind === "unscoped") return null;
  return scope.kind === "system" ? systemScope : { kind: scope.kind, id: scope.id };
}

function claimsOf(
  { platform, tokens }: IdentityDeps,
  made: {
    readonly proof: Proof;
    readonly domain: Domain;
    readonly scope: Scope;
    readonly roles: readonly string[];
    readonly generation: number;
  },
): Claims {
  const { proof, scope, roles, generation } = made;
  const issuedAt = platform.clock.now();
  const chain = proof.earlier?.auditIds.at(-1);
  return {
    auditIds: [tokens.newAuditId(), ...(chain === undefined ? [] : [chain])],
    userId: proof.user.id,
    userName: proof.user.name,
    userDomainId: made.domain.id,
    scope,
    roles,
    methods: [...new Set(proof.methods)],
    issuedAt,
    // A token made from a token lives no longer, or one log-in would last for ever.
    expiresAt: proof.earlier?.expiresAt ?? issuedAt + tokenLifeMs,
    generation,
    applicationCredentialId: proof.credential?.id ?? null,
  };
}
