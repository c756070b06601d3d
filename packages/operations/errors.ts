// What can go wrong in the service that operators use.
import { errorTable } from "@micronova/kit";

export const errors = errorTable("operations", {
  sagaNotFound: { status: 404, text: (id: string) => `There is no saga ${id}.` },
  findingNotFound: {
    status: 404,
    text: (id: string) => `There is no finding ${id} (any more); ask \`micronova doctor\` again.`,
  },
  traceNotFound: {
    status: 404,
    text: (id: string) =>
      `Nothing is known of request ${id}; requests are kept for 36 hours, reads only when they failed or were slow.`,
  },
  badHostToken: {
    status: 403,
    text: () =>
      "The token is not one of this cloud, was used, has expired, or is for another host; ask for a new one with " +
      "`micronova host token`.",
  },
  noAdmission: {
    status: 501,
    text: () =>
      "Hosts cannot join: the bus inside is not served to others and no brokers are named; set bus.listen, or " +
      "bus.urls with bus.management_url.",
  },
  hostNotFound: { status: 404, text: (name: string) => `No host ${name} has joined.` },
  badMarker: { status: 400, text: (marker: string) => `The marker ${marker} is none of a list of sagas.` },
});
