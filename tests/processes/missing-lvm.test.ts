// What the command line says when LVM does not run: one sentence, and exit status 1. The program is hidden in
// a mount namespace of the test's own.
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { program, root } from "../support/running-cloud.ts";

const main = join(root, "packages", "cli", "main.ts");
const { status } = await program("unshare", ["--mount", "true"]);
const skip = status === 0 ? false : "mount namespaces need root";

test("a cloud without LVM does not start, and says what to do; a fake one needs none", { skip }, async () => {
  const dir = mkdtempSync(join(tmpdir(), "micronova-no-lvm-"));
  const broken = join(dir, "lvm");
  writeFileSync(broken, "#!/bin/sh\nexit 1\n");
  chmodSync(broken, 0o755);
  const up = (virt: string) =>
    program("unshare", [
      ...["--mount", "sh", "-euc", 'mount --bind "$0" "$(readlink -f "$(command -v lvm)")"; exec "$@"'],
      ...[broken, process.execPath, main, "--no-install"],
      ...["up", "--detach", "--port", "0", "--virt", virt, "--data-dir", join(dir, virt)],
    ]);
  try {
    const refused = await up("qemu");
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /LVM cannot be used, as the program lvm does not run: install .* lvm2/);
    assert.doesNotMatch(refused.stderr, /\n\s+at /);

    const fake = await up("fake");
    assert.equal(fake.status, 0, fake.stderr);
  } finally {
    for (const virt of ["qemu", "fake"]) {
      await program(process.execPath, [main, "down", "--destroy", "--yes", "--data-dir", join(dir, virt)]);
    }
    rmSync(dir, { recursive: true, force: true });
  }
});
