// Users and their permissions. Hashes of passwords are told to administrators, as RabbitMQ tells them: they
// are what users move with from one broker to another.
import type { User } from "@micronova/amqp";
import { putUser } from "../definitions.ts";
import { shortText, tagsField } from "../fields.ts";
import { byName, found, list, noContent, param, put, type Route, route, value } from "../routes.ts";
import { permissionRoutes } from "./permissions.ts";

export const userRoutes: readonly Route[] = [
  route("GET", "/users", "administrator", ({ broker }) =>
    list(broker.access.users().toSorted(byName).map(userView)),
  ),
  route("GET", "/users/without-permissions", "administrator", ({ broker }) => {
    const without = broker.access.users().filter(({ permissions }) => permissions.size === 0);
    return list(without.toSorted(byName).map(userView));
  }),
  route("GET", "/users/:user", "administrator", (asked) =>
    value(userView(found(asked.broker.access.findUser(param(asked, "user"))))),
  ),
  route("PUT", "/users/:user", "administrator", async (asked) => {
    const name = shortText(param(asked, "user"));
    const isNew = asked.broker.access.findUser(name) === null;
    putUser(asked.broker, { ...(await asked.json()), name });
    return put(isNew);
  }),
  route("DELETE", "/users/:user", "administrator", (asked) => {
    asked.broker.access.deleteUser(found(asked.broker.access.findUser(param(asked, "user"))).name);
    return noContent;
  }),
  route("POST", "/users/bulk-delete", "administrator", async ({ broker, json }) => {
    const names = tagsField(await json(), "users");
    for (const name of names) if (broker.access.findUser(name) !== null) broker.access.deleteUser(name);
    return noContent;
  }),
  ...permissionRoutes,
];

function userView({ record: { name, passwordHash, hashingAlgorithm, tags } }: User) {
  return { name, password_hash: passwordHash, hashing_algorithm: hashingAlgorithm, tags, limits: {} };
}
