// What can go wrong while the guest image is built.
import { errorTable } from "@micronova/kit";

export const guestErrors = errorTable("guest", {
  noApt: {
    status: 500,
    text: () =>
      "The tiny guest is built from Debian's packages, and this machine has no apt; use an image of your own.",
  },
  noPackages: {
    status: 500,
    text: (name: string) =>
      `The package lists do not know ${name}; run \`apt-get update\` on Debian for amd64.`,
  },
  aptFailed: {
    status: 500,
    text: (said: string) =>
      `Debian's packages for the tiny guest could not be fetched; run \`apt-get update\`. ${said}`,
  },
  noModule: {
    status: 500,
    text: (name: string) => `The kernel package has no module ${name}.`,
  },
  lockTimedOut: {
    status: 500,
    text: (path: string) => `Another process has been building the guest image for too long; see ${path}.`,
  },
});
