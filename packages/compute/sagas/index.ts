// Every saga of compute: what a conductor must know to go on with what another began.
import type { AnySaga } from "@micronova/saga";
import { guestDestroy } from "./guest-destroy.ts";
import { interfaceAttach } from "./interface-attach.ts";
import { interfaceDetach } from "./interface-detach.ts";
import { portFree } from "./port-free.ts";
import { serverCreate } from "./server-create.ts";
import { serverDelete } from "./server-delete.ts";
import { serverMigrate } from "./server-migrate.ts";
import { serverPause } from "./server-pause.ts";
import { serverHardReboot, serverReboot } from "./server-reboot.ts";
import { serverReclaim } from "./server-reclaim.ts";
import { serverResizeConfirm } from "./server-resize-confirm.ts";
import { serverResizeRevert } from "./server-resize-revert.ts";
import { serverResume } from "./server-resume.ts";
import { serverSettle } from "./server-settle.ts";
import { serverStart } from "./server-start.ts";
import { serverStop } from "./server-stop.ts";
import { serverSuspend } from "./server-suspend.ts";
import { serverUnpause } from "./server-unpause.ts";
import { volumeAttach } from "./volume-attach.ts";
import { volumeDetach } from "./volume-detach.ts";
import { volumesSettle } from "./volumes-settle.ts";

export const computeSagas: readonly AnySaga[] = [
  serverCreate,
  serverDelete,
  serverStart,
  serverStop,
  serverReboot,
  serverHardReboot,
  serverPause,
  serverUnpause,
  serverSuspend,
  serverResume,
  serverMigrate,
  serverResizeConfirm,
  serverResizeRevert,
  volumeAttach,
  volumeDetach,
  interfaceAttach,
  interfaceDetach,
  serverSettle,
  serverReclaim,
  volumesSettle,
  guestDestroy,
  portFree,
];
