// `micronova host token|list|remove`: the machines of a cloud.
import { writeToken } from "../host-token.ts";
import { wholeNumber } from "../numbers.ts";
import { pinOf } from "../pinned.ts";
import { ensure, tlsNeeds } from "../prepare.ts";
import { reachCloud } from "../running-cloud.ts";
import { type Format, printRows } from "../table.ts";

interface HostTokenOptions {
  readonly dataDir: string;
  readonly host?: string;
  readonly role: string;
  readonly minutes: string;
  readonly url?: string;
}

/** The token alone on standard output, so that a script can take it; what to do with it beside. */
export async function hostToken(options: HostTokenOptions, install: boolean): Promise<void> {
  // The host is given a certificate.
  await ensure(tlsNeeds, install);
  const { authUrl, client } = await reachCloud(options);
  const url = options.url ?? new URL(authUrl).origin;
  const { token } = await client.call("operations", "/hosts/tokens", {
    method: "POST",
    body: {
      ...(options.host === undefined ? {} : { host: options.host }),
      roles: options.role.split(",").map((role) => role.trim()),
      minutes: wholeNumber("--minutes", options.minutes),
    },
  });
  process.stdout.write(`${writeToken({ url, pin: await pinOf(url), secret: token.secret })}\n`);
  process.stderr.write(`Good once, until ${token.expires_at}. On the host: micronova join TOKEN\n`);
}

export async function hostList(options: {
  readonly dataDir: string;
  readonly format: Format;
}): Promise<void> {
  const { client } = await reachCloud(options);
  const { hosts } = await client.call("operations", "/hosts");
  const columns = ["name", "roles", "joined_at"];
  const rows = hosts.map(
    (one: { readonly name: string; readonly roles: string[]; readonly joined_at: string }) => ({
      ...one,
      roles: one.roles.join(", "),
    }),
  );
  printRows(options.format, columns, rows);
}

// The first in which services have UUIDs.
const servicesById = "2.53";

/** Its services go first: that is refused while there are servers on it. */
export async function hostRemove(name: string, options: { readonly dataDir: string }): Promise<void> {
  const { client } = await reachCloud(options);
  const versioned = { microversion: servicesById };
  const { services } = await client.call(
    "compute",
    `/os-services?host=${encodeURIComponent(name)}`,
    versioned,
  );
  for (const { id } of services as readonly { readonly id: string }[]) {
    const disabled = { status: "disabled", disabled_reason: "removed" };
    await client.call("compute", `/os-services/${id}`, { ...versioned, method: "PUT", body: disabled });
    await client.call("compute", `/os-services/${id}`, { ...versioned, method: "DELETE" });
  }
  await client.call("operations", `/hosts/${encodeURIComponent(name)}`, { method: "DELETE" });
}
