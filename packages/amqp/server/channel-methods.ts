// What a channel does for the methods of the classes channel, confirm and tx.
import { ReplyError } from "../codec/reply-codes.ts";
import { refused } from "../virtual-host.ts";
import type { Channel } from "./channel.ts";
import type { MethodTable } from "./method-table.ts";
import type { Transaction } from "./transaction.ts";

export const channelMethods: MethodTable = {
  "channel.open"() {
    throw new ReplyError("CHANNEL_ERROR", "second 'channel.open' seen");
  },

  "channel.flow"(channel, { active }) {
    channel.isFlowing = active;
    channel.output.method(channel.number, "channel.flow-ok", { active });
    if (active) channel.wake();
  },

  "channel.flow-ok"() {},

  "channel.close"(channel) {
    channel.close();
    channel.connection.forget(channel);
    channel.output.method(channel.number, "channel.close-ok", {});
  },

  "confirm.select"(channel, { noWait }) {
    channel.selectConfirms();
    if (!noWait) channel.output.method(channel.number, "confirm.select-ok", {});
  },

  "tx.select"(channel) {
    channel.selectTransaction();
    channel.output.method(channel.number, "tx.select-ok", {});
  },

  "tx.commit"(channel) {
    commit(channel, inTransaction(channel));
  },

  "tx.rollback"(channel) {
    inTransaction(channel);
    channel.rollBack();
    channel.output.method(channel.number, "tx.rollback-ok", {});
  },
};

function inTransaction(channel: Channel): Transaction {
  if (channel.transaction === null)
    throw new ReplyError("PRECONDITION_FAILED", "channel is not transactional");
  return channel.transaction;
}

/** Does all that waited, and answers when it is on disk. */
function commit(channel: Channel, transaction: Transaction): void {
  let batch = 0;
  let isRefused = false;
  for (const [content, mandatory] of transaction.publishes) {
    const outcome = channel.publishNow(content, mandatory);
    if (outcome === refused) isRefused = true;
    else batch = Math.max(batch, outcome);
  }
  for (const { entry, how } of transaction.settlements) channel.settleEntry(entry, how);
  transaction.clear();
  if (isRefused) throw new ReplyError("PRECONDITION_FAILED", "partial tx completion");
  const answer = () => channel.output.method(channel.number, "tx.commit-ok", {});
  const { journal } = channel.connection;
  if (batch > 0 && journal !== null) journal.whenSafe(batch, answer);
  else answer();
}
