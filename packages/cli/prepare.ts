// Installs what a command needs from the distribution, saying each thing first; as root and with apt only.
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { errorTable, run } from "@micronova/kit";
import { isRoot } from "./data-dir.ts";

/** A program, or a library by its path, and the Debian package that has it. */
export interface Need {
  readonly program: string;
  readonly package: string;
}

const errors = errorTable("prepare", {
  missing: {
    status: 500,
    text: (needs: readonly Need[], how: string) =>
      `${needs.map((need) => need.program).join(", ")} ${needs.length === 1 ? "is" : "are"} not installed: ${how}.`,
  },
});

export const qemuNeeds: readonly Need[] = [
  { program: "qemu-system-x86_64", package: "qemu-system-x86" },
  { program: "qemu-img", package: "qemu-utils" },
  { program: "qemu-storage-daemon", package: "qemu-system-common" },
  { program: "genisoimage", package: "genisoimage" },
];
export const lvmNeeds: readonly Need[] = [{ program: "lvcreate", package: "lvm2" }];
export const networkNeeds: readonly Need[] = [
  { program: "ip", package: "iproute2" },
  { program: "nft", package: "nftables" },
  { program: "dnsmasq", package: "dnsmasq-base" },
];
export const sshNeeds: readonly Need[] = [
  { program: "ssh", package: "openssh-client" },
  { program: "ssh-keygen", package: "openssh-client" },
];
/** What knows nothing of Micronova: clients of OpenStack and of AMQP, and the broker ours is held against. */
export const clientNeeds: readonly Need[] = [
  { program: "openstack", package: "python3-openstackclient" },
  { program: "amqp-publish", package: "amqp-tools" },
  { program: "/usr/lib/python3/dist-packages/pika", package: "python3-pika" },
  { program: "/usr/lib/python3/dist-packages/oslo_messaging", package: "python3-oslo.messaging" },
  { program: "rabbitmqctl", package: "rabbitmq-server" },
  { program: "haproxy", package: "haproxy" },
];
/** What makes certificates. */
export const tlsNeeds: readonly Need[] = [{ program: "openssl", package: "openssl" }];
/** What the tests look at the machine with. */
export const testNeeds: readonly Need[] = [
  { program: "ps", package: "procps" },
  { program: "ping", package: "iputils-ping" },
  { program: "curl", package: "curl" },
  ...tlsNeeds,
  { program: "busybox", package: "busybox-static" },
  { program: "pg_ctlcluster", package: "postgresql" },
];

// Where administrators' programs are, also when the caller's PATH has only the users' ones.
const administrators = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

/** Makes the administrators' programs findable for this process and those it starts. */
export function widenPath(): void {
  const path = (process.env["PATH"] ?? "").split(delimiter);
  process.env["PATH"] = [...path, ...administrators.filter((dir) => !path.includes(dir))].join(delimiter);
}

/** Makes sure that the programs are there: installs them, or says in one sentence what to do. */
export async function ensure(needs: readonly Need[], install: boolean): Promise<void> {
  widenPath();
  const missing = needs.filter(({ program }) => !isInstalled(program));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((need) => need.package))];
  const how = `install the ${packages.length === 1 ? "package" : "packages"} ${packages.join(" ")}`;
  if (!install || !isRoot() || !isInstalled("apt-get")) throw errors.missing(missing, how);
  process.stderr.write(`micronova: installing ${packages.join(", ")} from the distribution…\n`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  // Debian's lists may be as old as the machine's image, or not there at all.
  await run("apt-get", ["update", "-q"], { env, timeoutMs: aptTimeoutMs });
  const options = ["install", "-y", "-q", "--no-install-recommends"];
  await run("apt-get", [...options, ...packages], { env, timeoutMs: aptTimeoutMs });
}

// A slow mirror and a slow disk together.
const aptTimeoutMs = 15 * 60_000;

function isInstalled(program: string): boolean {
  if (program.startsWith("/")) return existsSync(program);
  return (process.env["PATH"] ?? "").split(delimiter).some((dir) => existsSync(join(dir, program)));
}

/** What `up` needs for real guests; nothing for fake ones, and `auto` makes do with what is there. */
export async function ensureForCloud(virt: "auto" | "qemu" | "fake", install: boolean): Promise<void> {
  widenPath();
  if (virt !== "qemu") return;
  await ensureForGuests([], install);
}

/** What real guests need, and what else the caller does: as root LVM, the network's tools and a user too. */
export async function ensureForGuests(more: readonly Need[], install: boolean): Promise<void> {
  await ensure([...qemuNeeds, ...(isRoot() ? [...lvmNeeds, ...networkNeeds] : []), ...more], install);
  if (install && isRoot()) await ensureGuestUser();
}

const guestUserName = "micronova";

/** Guests started by root run as a user of their own; where none can be made, as `nobody`. */
async function ensureGuestUser(): Promise<void> {
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  if (users.some((line) => line.startsWith(`${guestUserName}:`)) || !isInstalled("useradd")) return;
  process.stderr.write(`micronova: making the system user ${guestUserName}, as whom guests run…\n`);
  const options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"];
  await run("useradd", [...options, "--shell", "/usr/sbin/nologin", guestUserName]);
}
