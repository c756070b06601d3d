// What the configuration of the bus must not say. No socket is opened for it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { amqpErrors } from "@micronova/amqp";
import { type FaultMaker, isFault } from "@micronova/kit";
import { readConfig } from "@micronova/kit/config";
import { testPlatform } from "@micronova/kit/testing";
import { busOf } from "./bus.ts";
import { cloudConfig } from "./config.ts";
import { errors } from "./errors.ts";
import { allRoles, type RoleName } from "./role-names.ts";

const dir = { file: (...parts: string[]) => parts.join("/") };

const refused: readonly (readonly [object, FaultMaker<never>, RegExp])[] = [
  [{ urls: ["amqp://h"], listen: "127.0.0.1:5672" }, errors.twoBuses, /set one of them/],
  [{ urls: ["http://h"] }, amqpErrors.badUrl, /looks like amqp:/],
  [{ urls: ["amqps://h"], ca: "/nowhere.pem" }, errors.unreadableFile, /bus\.ca, \/nowhere\.pem/],
  [{ listen: "5672" }, errors.badAddress, /like 127\.0\.0\.1:5672, and not 5672/],
  [{ listen: "127.0.0.1:99999" }, errors.badAddress, /99999/],
  [{ listen: "0.0.0.0:5672" }, errors.needsTls, /needs TLS/],
];

for (const [bus, error, text] of refused)
  test(`the bus of ${JSON.stringify(bus)} is refused`, () => {
    const config = readConfig(cloudConfig, { overrides: { data_dir: "/nowhere", bus } });

    assert.throws(
      () => busOf(testPlatform(), { config, dir, roles: allRoles }),
      (thrown) => isFault(thrown, error) && text.test(thrown.message),
    );
  });

test("a process without the broker of its cloud must be told of one, and a broker where it is found", () => {
  const config = readConfig(cloudConfig, { overrides: { data_dir: "/nowhere" } });
  const open = (role: RoleName) => () => busOf(testPlatform(), { config, dir, roles: new Set([role]) });

  assert.throws(open("conductor"), (error) => isFault(error, errors.noBus));
  assert.throws(open("broker"), (error) => isFault(error, errors.noBusAddress));
});
