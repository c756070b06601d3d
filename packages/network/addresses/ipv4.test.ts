import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  contains,
  formatIpv4,
  formatPrefix,
  hostRange,
  netmask,
  overlaps,
  parseIpv4,
  parsePrefix,
  without,
} from "./ipv4.ts";

test("an address survives being written and read", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (address) => {
      assert.equal(parseIpv4(formatIpv4(address)), address);
    }),
  );
});

test("what is not a dotted quad is refused", () => {
  for (const text of ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "::1", "a.b.c.d", "1.2.3.4/24"]) {
    assert.equal(parseIpv4(text), null, text);
  }
});

test("a prefix drops the bits beyond its length", () => {
  assert.equal(formatPrefix(parsePrefix("192.168.233.77/24")!), "192.168.233.0/24");
  assert.equal(formatPrefix(parsePrefix("10.0.0.1")!), "10.0.0.1/32");
  assert.equal(formatPrefix(parsePrefix("1.2.3.4/0")!), "0.0.0.0/0");
  assert.equal(parsePrefix("10.0.0.0/33"), null);
});

test("a prefix's hosts leave out its first and last address", () => {
  const hosts = hostRange(parsePrefix("10.0.0.0/29")!);

  assert.deepEqual([formatIpv4(hosts.first), formatIpv4(hosts.last)], ["10.0.0.1", "10.0.0.6"]);
});

test("a range without an address is what lies on both sides", () => {
  assert.deepEqual(without({ first: 1, last: 9 }, 1), [{ first: 2, last: 9 }]);
  assert.deepEqual(without({ first: 1, last: 9 }, 5), [
    { first: 1, last: 4 },
    { first: 6, last: 9 },
  ]);
  assert.deepEqual(without({ first: 1, last: 1 }, 1), []);
  assert.deepEqual(without({ first: 1, last: 9 }, null), [{ first: 1, last: 9 }]);
});

test("two prefixes overlap exactly when one contains the other's first address", () => {
  const prefix = fc
    .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 32 }))
    .map(([address, length]) => parsePrefix(`${formatIpv4(address)}/${length}`)!);
  fc.assert(
    fc.property(prefix, prefix, (a, b) => {
      assert.equal(overlaps(a, b), contains(a, b.first) || contains(b, a.first));
    }),
  );
});

test("a netmask has as many ones as its length", () => {
  assert.deepEqual([netmask(0), netmask(24), netmask(32)], ["0.0.0.0", "255.255.255.0", "255.255.255.255"]);
});
