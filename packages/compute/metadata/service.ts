// Answers guests' requests for metadata, which the network workers pass on: the guest is known by the network
// and the address its packet came from, never by anything it says.
import type { Service } from "@micronova/kit";
import { findServerByAddress, metadataContract } from "@micronova/network";
import type { ComputeRoleDeps } from "../deps.ts";
import { answerMetadata, type MetadataAnswer, notFound } from "./answer.ts";
import { readGuest } from "./guest.ts";
import { passwordCharactersMax, passwordOf, setPassword } from "./password.ts";

/** Bytes of `random_seed`. */
const seedBytes = 512;
const requestsAtOnce = 64;

export function metadataService(deps: ComputeRoleDeps): Service {
  const server = deps.rpc.serve(
    metadataContract,
    null,
    {
      async lookup({ networkId, address, path, method, body }) {
        const serverId = await findServerByAddress(deps.store.read, networkId, address);
        const answer = serverId === null ? notFound : await answerFor(deps, serverId, { path, method, body });
        const { status, contentType } = answer;
        return { status, contentType, body: answer.body.toString("base64") };
      },
    },
    { prefetch: requestsAtOnce },
  );
  return { name: "metadata", start: () => server.start(), stop: () => server.stop() };
}

interface GuestRequest {
  readonly path: string;
  readonly method: string;
  /** Base64. */
  readonly body: string;
}

const passwordPath = /^\/openstack\/(?:\d{4}-\d\d-\d\d|latest)\/password\/?$/;

async function answerFor(
  deps: ComputeRoleDeps,
  serverId: string,
  { path, method, body }: GuestRequest,
): Promise<MetadataAnswer> {
  const { store, platform, config } = deps;
  if (passwordPath.test(path)) return passwordAnswer(deps, serverId, method, Buffer.from(body, "base64"));
  if (method !== "GET") return notFound;
  const guest = await readGuest(store.read, serverId, config);
  return guest === null ? notFound : answerMetadata(guest, path, () => platform.random.bytes(seedBytes));
}

const plain = (status: number, text: string): MetadataAnswer => ({
  status,
  contentType: "text/plain; charset=utf-8",
  body: Buffer.from(text),
});

/** Written once by the guest, encrypted for its user. */
async function passwordAnswer(
  { store }: ComputeRoleDeps,
  serverId: string,
  method: string,
  body: Buffer,
): Promise<MetadataAnswer> {
  return store.transaction(async (tx) => {
    const server = await tx
      .selectFrom("servers")
      .select(["id", "system_metadata"])
      .where("id", "=", serverId)
      .where("deleted_at", "is", null)
      .executeTakeFirst();
    if (server === undefined) return notFound;
    const known = passwordOf(server);
    if (method === "GET") return plain(200, known);
    if (method !== "POST") return notFound;
    if (known !== "") return plain(409, "");
    if (body.length === 0 || body.length > passwordCharactersMax) return plain(400, "Request is too large.");
    await setPassword(tx, server, body.toString("utf8"));
    return plain(200, "");
  });
}
