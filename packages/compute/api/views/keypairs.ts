// How key pairs look: in a list, when one is made, and when one is shown.
import { always, sinceField, untilField, type View } from "@micronova/http";
import { isoMicros } from "@micronova/kit";
import { numberOf } from "../../numeric-ids.ts";
import type { Keypair } from "../../tables-resources.ts";

export const keypairItemView: View<Keypair> = {
  name: always((keypair) => keypair.name),
  public_key: always((keypair) => keypair.public_key),
  fingerprint: always((keypair) => keypair.fingerprint),
  type: sinceField("2.2", (keypair) => keypair.type),
};

export interface MadeKeypair extends Keypair {
  readonly privateKey: string | null;
}

export const keypairMadeView: View<MadeKeypair> = {
  name: always((keypair) => keypair.name),
  public_key: always((keypair) => keypair.public_key),
  private_key: untilField("2.91", (keypair) => keypair.privateKey ?? undefined),
  fingerprint: always((keypair) => keypair.fingerprint),
  type: sinceField("2.2", (keypair) => keypair.type),
  user_id: always((keypair) => keypair.user_id),
};

export const keypairView: View<Keypair> = {
  ...keypairItemView,
  id: always((keypair) => numberOf(keypair.id)),
  user_id: always((keypair) => keypair.user_id),
  created_at: always((keypair) => isoMicros(keypair.created_at)),
  updated_at: always(() => null),
  deleted: always(() => false),
  deleted_at: always(() => null),
};
