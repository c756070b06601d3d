// What the management API changes, and how it refuses to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { policyCases } from "./policy-cases.ts";
import { type RequestCase, requestCases } from "./request-cases.ts";
import { anApi } from "./testing.ts";

test("changes are made and refused as RabbitMQ makes and refuses them", async () => {
  const { ask } = anApi();

  for (const one of [...requestCases, ...policyCases]) {
    const { status, body, headers } = await ask(one.method, one.path, one.body);
    assertAnswer(one, { status, body, location: headers["location"] });
  }
});

function assertAnswer(
  { method, path, ...expected }: RequestCase,
  got: { readonly status: number; readonly body: unknown; readonly location: string | undefined },
): void {
  const about = `${method} ${path}: ${JSON.stringify(got.body)}`;
  assert.equal(got.status, expected.status, about);
  if (expected.location !== undefined) assert.equal(got.location, expected.location, about);
  if (expected.answer !== undefined) assert.partialDeepStrictEqual(got.body, expected.answer, about);
  if (Array.isArray(expected.answer))
    assert.equal((got.body as unknown[]).length, expected.answer.length, about);
}
