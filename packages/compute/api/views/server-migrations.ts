// How a move of a running server looks while it is under way: with what is copied so far.
import { always, type View } from "@micronova/http";
import { type MoveProgress, progressOf } from "../../server-migrations.ts";
import type { Migration } from "../../tables-migrations.ts";
import { migrationParts } from "./migrations.ts";

const amount = (of: (progress: MoveProgress) => number) =>
  always((migration: Migration) => {
    const progress = progressOf(migration);
    return progress === null ? null : of(progress);
  });

export const serverMigrationView: View<Migration> = {
  ...migrationParts,
  server_uuid: always(({ server_id }) => server_id),
  memory_total_bytes: amount(({ memory }) => memory.totalBytes),
  memory_processed_bytes: amount(({ memory }) => memory.doneBytes),
  memory_remaining_bytes: amount(({ memory }) => memory.totalBytes - memory.doneBytes),
  disk_total_bytes: amount(({ disk }) => disk.totalBytes),
  disk_processed_bytes: amount(({ disk }) => disk.doneBytes),
  disk_remaining_bytes: amount(({ disk }) => disk.totalBytes - disk.doneBytes),
};
