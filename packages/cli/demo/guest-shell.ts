// Commands inside a guest, over SSH with a key made for the demo.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFault, processErrors, run, systemClock } from "@micronova/kit";

export interface KeyPair {
  readonly publicKey: string;
  readonly privatePath: string;
  remove(): void;
}

/** A fresh SSH key in a directory of its own. */
export async function makeKeyPair(): Promise<KeyPair> {
  const dir = mkdtempSync(join(tmpdir(), "micronova-demo-"));
  const privatePath = join(dir, "key");
  await run("ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-C", "micronova-demo", "-f", privatePath]);
  const publicKey = readFileSync(`${privatePath}.pub`, "utf8").trim();
  return { publicKey, privatePath, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Where a guest's SSH server is reached from this machine. */
export interface SshTarget {
  readonly address: string;
  readonly port: number;
}

export interface GuestShell {
  /** Waits until the guest lets us in. */
  ready(): Promise<void>;
  /** Runs a script in the guest's shell as root; returns what it printed. Throws when it fails. */
  sh(script: string): Promise<string>;
}

export function guestShell(target: SshTarget, key: KeyPair): GuestShell {
  const options = [
    ...["-i", key.privatePath, "-p", String(target.port), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
    // The host key is new with every server, and the address is used again.
    ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
  ];
  const ssh = async (script: string, timeoutMs: number, connectSeconds = connectSecondsMax) => {
    const patience = ["-o", `ConnectTimeout=${connectSeconds}`];
    const command = [...options, ...patience, `cirros@${target.address}`, "sudo sh -eu -s"];
    return (await run("ssh", command, { input: script, timeoutMs })).stdout;
  };
  return {
    sh: (script) => ssh(script, commandTimeoutMs),
    async ready() {
      const until = systemClock.monotonic() + readyTimeoutMs;
      for (let attempt = 1; ; attempt++) {
        try {
          await ssh("true", attemptTimeoutMs, patienceSeconds(attempt));
          return;
        } catch (error) {
          // Until the guest's SSH server is up the connection is refused: try again, there is no event to
          // wait for.
          const isExpected = isFault(error, processErrors.failed) || isFault(error, processErrors.timedOut);
          if (!isExpected || systemClock.monotonic() > until) throw error;
          await new Promise((resolve) => setTimeout(resolve, retryPauseMs));
        }
      }
    },
  };
}

const connectSecondsMax = 5;
// Attempts of each length.
const attemptsEach = 6;

/**
 * A forwarded port takes connections before the guest is there, says nothing then, and asks the guest ever
 * more seldom: short at first, so that little is lost, and longer for a guest that is slow.
 */
function patienceSeconds(attempt: number): number {
  return Math.min(1 + Math.floor((attempt - 1) / attemptsEach), connectSecondsMax);
}

// An emulated guest on a busy machine.
const readyTimeoutMs = 180_000;
const attemptTimeoutMs = 15_000;
const commandTimeoutMs = 120_000;
const retryPauseMs = 250;
