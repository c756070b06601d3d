// What users may do in virtual hosts.
import type { PermissionRecord } from "@micronova/amqp";
import { type Asked, found, hostOf, list, param, type Route, route, value } from "../routes.ts";

export const permissionRoutes: readonly Route[] = [
  route("GET", "/permissions", "administrator", ({ broker }) =>
    list(broker.access.permissions().map(permissionView)),
  ),
  route("GET", "/permissions/:vhost/:user", "administrator", (asked) => value(permissionOf(asked))),
  route("GET", "/users/:user/permissions", "administrator", (asked) => {
    const { name } = found(asked.broker.access.findUser(param(asked, "user")));
    const permissions = asked.broker.access.permissions();
    return list(permissions.filter(({ user }) => user === name).map(permissionView));
  }),
];

export function permissionView({ user, host, configure, write, read }: PermissionRecord) {
  return { user, vhost: host, configure, write, read };
}

function permissionOf(asked: Asked) {
  const user = found(asked.broker.access.findUser(param(asked, "user")));
  const { name } = hostOf(asked);
  return permissionView({ user: user.name, host: name, ...found(user.permissions.get(name)) });
}
