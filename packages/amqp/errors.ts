// What can go wrong on the bus. Statuses are HTTP's; the socket door maps kinds to AMQP's reply codes.
import { errorTable } from "@micronova/kit";

export const amqpErrors = errorTable("amqp", {
  unroutable: {
    status: 503,
    retriable: true,
    text: (exchange: string, key: string) =>
      `No queue takes messages of exchange '${exchange}' with key '${key}'.`,
  },
  exchangeNotFound: { status: 404, text: (name: string) => `There is no exchange '${name}'.` },
  queueNotFound: { status: 404, text: (name: string) => `There is no queue '${name}'.` },
  exchangeDiffers: {
    status: 409,
    text: (name: string) => `Exchange '${name}' exists with other properties; delete it first.`,
  },
  queueDiffers: {
    status: 409,
    text: (name: string) => `Queue '${name}' exists with other properties; delete it first.`,
  },
  queueLocked: {
    status: 409,
    text: (name: string) => `Queue '${name}' is used exclusively by another connection.`,
  },
  queueFull: {
    status: 503,
    retriable: true,
    text: (name: string, lengthMax: number) =>
      `Queue '${name}' is full (${lengthMax} messages); its consumers are too slow or gone.`,
  },
  closed: { status: 503, retriable: true, text: () => "The bus is closed." },
});
