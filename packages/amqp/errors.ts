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
    text: (name: string, argument: string, difference: string) =>
      `Exchange '${name}' exists with another ${argument} (${difference}); delete it first.`,
  },
  queueDiffers: {
    status: 409,
    text: (name: string, argument: string, difference: string) =>
      `Queue '${name}' exists with another ${argument} (${difference}); delete it first.`,
  },
  badArgument: {
    status: 400,
    text: (queue: string, argument: string, why: string) =>
      `Queue '${queue}' cannot have ${argument} as given: ${why}.`,
  },
  badArgumentType: {
    status: 400,
    text: (queue: string, argument: string, type: string) =>
      `Queue '${queue}' cannot have ${argument} of type ${type}.`,
  },
  argumentOfOtherType: {
    status: 400,
    text: (queue: string, argument: string, type: string) =>
      `Queue '${queue}' cannot have ${argument}; it is of type ${type}.`,
  },
  propertyOfOtherType: {
    status: 400,
    text: (queue: string, property: string) => `Queue '${queue}' of its type cannot be ${property}.`,
  },
  queueUnnamed: {
    status: 400,
    text: () => "A queue without a name is for its consumer alone: declare it by consuming from it.",
  },
  hostNotFound: { status: 404, text: (name: string) => `There is no virtual host '${name}'.` },
  hostIsNeeded: {
    status: 400,
    text: (name: string) => `Virtual host '${name}' cannot be deleted; the broker's own door leads to it.`,
  },
  userNotFound: { status: 404, text: (name: string) => `There is no user '${name}'.` },
  badUser: { status: 400, text: (name: string, why: string) => `User '${name}' cannot be put: ${why}.` },
  permissionNotFound: {
    status: 404,
    text: (user: string, host: string) => `User '${user}' has no permissions in virtual host '${host}'.`,
  },
  badPattern: {
    status: 400,
    text: (pattern: string, why: string) => `'${pattern}' is no regular expression: ${why}.`,
  },
  badPolicy: { status: 400, text: (name: string, why: string) => `Policy '${name}' cannot be put: ${why}.` },
  exchangeInUse: { status: 409, text: (name: string) => `Exchange '${name}' has bindings.` },
  queueInUse: { status: 409, text: (name: string) => `Queue '${name}' has consumers.` },
  queueNotEmpty: { status: 409, text: (name: string) => `Queue '${name}' has messages.` },
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
  consumedExclusively: {
    status: 403,
    text: (name: string) => `Queue '${name}' has a consumer that wants to be alone.`,
  },
  publishRefused: {
    status: 503,
    retriable: true,
    text: (key: string) => `The broker refused a message with key '${key}'; its queue is full.`,
  },
  outboxFull: {
    status: 503,
    retriable: true,
    text: (count: number) => `${count} messages wait for a broker; no more are taken.`,
  },
  expired: {
    status: 504,
    retriable: true,
    text: (key: string) => `No broker took a message with key '${key}' while it was worth delivering.`,
  },
  channelsUsedUp: {
    status: 503,
    text: (countMax: number) =>
      `The broker allows ${countMax} channels on a connection, one for each consumer, and all are in use.`,
  },
  noBroker: {
    status: 503,
    retriable: true,
    text: (brokers: string, why: string) => `No broker can be used at ${brokers}: ${why}.`,
  },
  notListening: {
    status: 500,
    text: (host: string, port: number, why: string) =>
      `The bus cannot listen on port ${port} of ${host} (${why}); choose another, or stop the program that has it.`,
  },
  diskRefuses: {
    status: 507,
    retriable: true,
    text: () => "The disk takes nothing more; make room and try again.",
  },
  badUrl: { status: 400, text: () => "A broker's URL looks like amqp://user:password@host:5672/vhost." },
  closed: { status: 503, retriable: true, text: () => "The bus is closed." },
});
