// What users may do in virtual hosts.
import type { PermissionRecord } from "@micronova/amqp";
import { managementErrors } from "../errors.ts";
import { assertFields, textField } from "../fields.ts";
import {
  type Asked,
  found,
  hostOf,
  list,
  noContent,
  param,
  put,
  type Route,
  route,
  value,
} from "../routes.ts";

export const permissionRoutes: readonly Route[] = [
  route("GET", "/permissions", "administrator", ({ broker }) =>
    list(broker.access.permissions().map(permissionView)),
  ),
  route("GET", "/permissions/:vhost/:user", "administrator", (asked) => value(permissionOf(asked))),
  route("PUT", "/permissions/:vhost/:user", "administrator", async (asked) => {
    const body = await asked.json();
    assertFields(body, ["configure", "write", "read"]);
    const { broker } = asked;
    const [name, vhost] = [param(asked, "user"), param(asked, "vhost")];
    const user = broker.access.findUser(name);
    if (user === null || !broker.hosts.has(vhost))
      throw managementErrors.badRequest("vhost_or_user_not_found");
    const isNew = !user.permissions.has(vhost);
    const patterns = (kind: string) => textField(body, kind);
    broker.access.setPermission(name, vhost, {
      configure: patterns("configure"),
      write: patterns("write"),
      read: patterns("read"),
    });
    return put(isNew);
  }),
  route("DELETE", "/permissions/:vhost/:user", "administrator", (asked) => {
    const { user, vhost } = permissionOf(asked);
    asked.broker.access.clearPermission(user, vhost);
    return noContent;
  }),
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
