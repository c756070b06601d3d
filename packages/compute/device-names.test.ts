import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "@micronova/kit";
import { disksMax, nextDevice } from "./device-names.ts";
import { errors } from "./errors.ts";

test("the next disk has the first free letter", () => {
  assert.equal(nextDevice(["/dev/vda"], null), "/dev/vdb");
  assert.equal(nextDevice(["/dev/vda", "/dev/vdc"], null), "/dev/vdb");
  assert.equal(nextDevice(["/dev/vda"], "/dev/vdf"), "/dev/vdf");
  assert.equal(nextDevice(["/dev/vda"], "/dev/sdb"), "/dev/vdb");
});

test("a name that is taken is refused, and so is one disk too many", () => {
  const full = Array.from({ length: disksMax }, (_, at) => `/dev/vd${String.fromCharCode(97 + at)}`);

  assert.throws(
    () => nextDevice(["/dev/vda"], "/dev/vda"),
    (error) => isFault(error, errors.deviceInUse),
  );
  assert.throws(
    () => nextDevice(full, null),
    (error) => isFault(error, errors.tooManyDisks),
  );
});
