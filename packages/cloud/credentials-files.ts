// `DIR/clouds.yaml` and `DIR/openrc`: complete credentials for the stock client, written at each start.
import { type DataDir, writeWhole } from "./data-dir.ts";

export interface Access {
  readonly authUrl: string;
  readonly region: string;
  /** A certificate the client must trust, if the cloud made its own. */
  readonly cacert: string | null;
}

interface Account {
  readonly name: string;
  readonly username: string;
  readonly project: string;
  readonly password: string;
}

/** The two entries: the administrator, and the ordinary user of the project `demo`. */
function accounts(dir: DataDir): readonly Account[] {
  const { adminPassword, demoPassword } = dir.secrets;
  return [
    { name: "micronova-admin", username: "admin", project: "admin", password: adminPassword },
    { name: "micronova", username: "demo", project: "demo", password: demoPassword },
  ];
}

export function writeCredentials(dir: DataDir, access: Access): void {
  const entries = accounts(dir).map((account) => cloudEntry(account, access));
  writeWhole(dir.file("clouds.yaml"), `clouds:\n${entries.join("")}`);
  const [admin] = accounts(dir);
  const lines = Object.entries(environment(admin!, access)).map(
    ([name, value]) => `export ${name}='${value}'\n`,
  );
  writeWhole(dir.file("openrc"), lines.join(""));
}

function cloudEntry(account: Account, access: Access): string {
  return `  ${account.name}:
    region_name: ${access.region}
    identity_api_version: 3
    volume_api_version: 3
${access.cacert === null ? "" : `    cacert: ${access.cacert}\n`}    auth:
      auth_url: ${access.authUrl}
      username: ${account.username}
      password: ${account.password}
      project_name: ${account.project}
      user_domain_name: Default
      project_domain_name: Default
`;
}

function environment(account: Account, access: Access): Readonly<Record<string, string>> {
  return {
    OS_AUTH_URL: access.authUrl,
    OS_USERNAME: account.username,
    OS_PASSWORD: account.password,
    OS_PROJECT_NAME: account.project,
    OS_USER_DOMAIN_NAME: "Default",
    OS_PROJECT_DOMAIN_NAME: "Default",
    OS_REGION_NAME: access.region,
    OS_IDENTITY_API_VERSION: "3",
    ...(access.cacert === null ? {} : { OS_CACERT: access.cacert }),
  };
}
