// What can go wrong on a host.
import { errorTable } from "@micronova/kit";

export const driverErrors = errorTable("network-driver", {
  missing: {
    status: 500,
    text: (what: string, how: string) => `This host cannot have networks: ${what} is missing; ${how}.`,
  },
  overlap: {
    status: 409,
    text: (cidr: string, device: string) =>
      `The network ${cidr} overlaps with what this host reaches through ${device}; choose another range.`,
  },
  noOverlay: {
    status: 500,
    text: (why: string) => `This host cannot join networks over several hosts: ${why}`,
  },
  stuckServer: {
    status: 500,
    text: (pid: number) => `The DHCP server with pid ${pid} was killed and does not end.`,
  },
  noFreePort: {
    status: 500,
    text: (first: number, last: number) => `No TCP port from ${first} to ${last} is free on 127.0.0.1.`,
  },
});
