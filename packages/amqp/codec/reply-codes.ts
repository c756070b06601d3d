// AMQP's reply codes with the names RabbitMQ writes before its texts. The hard ones close the connection, the
// others the channel.

const replyCodes = {
  CONTENT_TOO_LARGE: 311,
  NO_ROUTE: 312,
  NO_CONSUMERS: 313,
  CONNECTION_FORCED: 320,
  INVALID_PATH: 402,
  ACCESS_REFUSED: 403,
  NOT_FOUND: 404,
  RESOURCE_LOCKED: 405,
  PRECONDITION_FAILED: 406,
  FRAME_ERROR: 501,
  SYNTAX_ERROR: 502,
  COMMAND_INVALID: 503,
  CHANNEL_ERROR: 504,
  UNEXPECTED_FRAME: 505,
  RESOURCE_ERROR: 506,
  NOT_ALLOWED: 530,
  NOT_IMPLEMENTED: 540,
  INTERNAL_ERROR: 541,
} as const;

export type ReplyName = keyof typeof replyCodes;

const hard: ReadonlySet<ReplyName> = new Set<ReplyName>([
  "CONNECTION_FORCED",
  "INVALID_PATH",
  "FRAME_ERROR",
  "SYNTAX_ERROR",
  "COMMAND_INVALID",
  "CHANNEL_ERROR",
  "UNEXPECTED_FRAME",
  "RESOURCE_ERROR",
  "NOT_ALLOWED",
  "NOT_IMPLEMENTED",
  "INTERNAL_ERROR",
]);

/** Why a channel or a connection is closed, in the words that clients match on. */
export class ReplyError extends Error {
  readonly reply: ReplyName;
  readonly code: number;
  /** Without the reply's name. */
  readonly text: string;
  /** Whether the whole connection goes, not the channel alone. */
  readonly isHard: boolean;

  constructor(name: ReplyName, text: string, options: { readonly isHard?: boolean } = {}) {
    super(`${name} - ${text}`);
    this.name = "ReplyError";
    this.reply = name;
    this.text = text;
    this.code = replyCodes[name];
    this.isHard = options.isHard ?? hard.has(name);
  }
}
