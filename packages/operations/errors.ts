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
  badMarker: { status: 400, text: (marker: string) => `The marker ${marker} is none of a list of sagas.` },
});
