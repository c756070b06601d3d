// What identity's tests start from: a seeded store, tokens, and the service.
import { type InjectResponse, listen } from "@micronova/http";
import { type TestPlatform, testPlatform } from "@micronova/kit/testing";
import type { Store } from "@micronova/store";
import { testStore } from "@micronova/store/testing";
import { identityMigrations } from "./migrations.ts";
import { seedIdentity } from "./seed.ts";
import { identityService } from "./service.ts";
import { type Tokens, tokens } from "./tokens.ts";

export interface TestIdentity {
  readonly platform: TestPlatform;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly adminProjectId: string;
  readonly demoProjectId: string;
  /** Asks with a token, or without one. */
  call(token: string | null, method: string, path: string, body?: unknown): Promise<InjectResponse>;
  /** Logs in with a password; `scope` is what stands under that key. */
  logIn(user: string, password: string, scope?: unknown): Promise<InjectResponse>;
  /** The token of a log-in that must succeed. */
  tokenOf(user: string, password: string, scope?: unknown): Promise<string>;
}

export const adminScope = { project: { name: "admin", domain: { id: "default" } } };
export const demoScope = { project: { name: "demo", domain: { name: "Default" } } };

export async function testIdentity(): Promise<TestIdentity> {
  const platform = testPlatform();
  const store = await testStore(platform, identityMigrations);
  const seed = { adminPassword: "apple", demoPassword: "pear", region: "RegionOne" };
  const projects = await store.transaction((tx) => seedIdentity(tx, seed));
  const made = tokens({ platform, store });
  await made.start();
  const identity = identityService({ platform, store, tokens: made, endpoints: { origin: null } });
  const server = listen(platform, { host: "127.0.0.1", port: 8774, services: { "/identity": identity } });
  const call: TestIdentity["call"] = (token, method, path, body) =>
    server.inject({
      method,
      url: `/identity${path}`,
      headers: {
        accept: "application/json",
        ...(token === null ? {} : { "x-auth-token": token, "x-subject-token": token }),
      },
      ...(body === undefined ? {} : { body }),
    });
  const logIn: TestIdentity["logIn"] = (user, password, scope) => {
    const who = { name: user, domain: { id: "default" }, password };
    const auth = { identity: { methods: ["password"], password: { user: who } }, scope };
    return call(null, "POST", "/v3/auth/tokens", { auth });
  };
  return {
    platform,
    store,
    tokens: made,
    ...projects,
    call,
    logIn,
    async tokenOf(user, password, scope) {
      const answer = await logIn(user, password, scope);
      const token = answer.headers["x-subject-token"];
      if (token === undefined) throw new Error(`${user} got no token: ${JSON.stringify(answer.body)}`);
      return token;
    },
  };
}
