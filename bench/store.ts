// The same boots on either engine of the store, in the same run: `node bench/store.ts`. The cloud is one
// process; PostgreSQL runs beside it with its own settings, each commit synced.
import { startCloud } from "../tests/support/running-cloud.ts";
import { startPostgres } from "../tests/support/running-postgres.ts";
import { boot, prepare, removeAll } from "./boots.ts";

const servers = 300;
const warmUps = 50;
const rounds = 2;

async function measure(name: string, config: string): Promise<void> {
  const cloud = await startCloud({ virt: "fake", fakeHosts: 10, config });
  try {
    const load = await prepare(cloud.dataDir);
    await boot(load, "none", warmUps);
    await removeAll(load);
    const { rate, cpuMs } = await boot(load, [{ uuid: load.networkId }], servers);
    process.stdout.write(
      `${name.padEnd(10)}  ${rate.toFixed(0)} boots/s  ${cpuMs.toFixed(1)} ms of the cloud's CPU each\n`,
    );
  } finally {
    await cloud.destroy();
  }
}

const server = await startPostgres();
try {
  for (let round = 0; round < rounds; round++) {
    await measure("SQLite", "");
    await measure("PostgreSQL", `[store]\nurl = "${await server.database(`boots${round}`)}"\n`);
  }
} finally {
  await server.destroy();
}
