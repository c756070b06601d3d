// `node bench/main.ts [start] [boots] [sagas] [many-hosts] [qemu]`: measures what was promised and prints it as a table.
import { benchBoots } from "./boots.ts";
import { benchManyHosts } from "./many-hosts.ts";
import { benchQemu } from "./qemu.ts";
import { benchSagas } from "./sagas.ts";
import { benchStart } from "./start.ts";
import { printTable } from "./support.ts";

const benches = {
  start: benchStart,
  boots: benchBoots,
  sagas: benchSagas,
  "many-hosts": benchManyHosts,
  qemu: benchQemu,
} as const;
const asked = process.argv.slice(2);

for (const [name, bench] of Object.entries(benches)) {
  if (asked.length === 0 || asked.includes(name)) printTable(await bench());
}
