// Users and their permissions. Hashes of passwords are told to administrators, as RabbitMQ tells them: they
// are what users move with from one broker to another.
import type { User } from "@micronova/amqp";
import { byName, found, list, param, type Route, route, value } from "../routes.ts";
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
  ...permissionRoutes,
];

function userView({ record: { name, passwordHash, hashingAlgorithm, tags } }: User) {
  return { name, password_hash: passwordHash, hashing_algorithm: hashingAlgorithm, tags, limits: {} };
}
