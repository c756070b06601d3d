// Reads back the credentials that the cloud writes for its users.
import type { Credentials } from "@micronova/client";

export function readOpenrc(text: string): Credentials {
  const values = new Map(
    [...text.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value ?? ""]),
  );
  const value = (name: string) => values.get(name) ?? "";
  return {
    authUrl: value("OS_AUTH_URL"),
    username: value("OS_USERNAME"),
    password: value("OS_PASSWORD"),
    projectName: value("OS_PROJECT_NAME"),
    userDomain: value("OS_USER_DOMAIN_NAME"),
    projectDomain: value("OS_PROJECT_DOMAIN_NAME"),
  };
}
