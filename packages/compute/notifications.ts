// What compute tells of its servers, by the names Nova's notifications have. Sagas that nobody asked for
// (settling, freeing ports) are not told of.
import type { SagaEvents } from "@micronova/saga";

export const computeEvents: SagaEvents = {
  subjectKey: "instance_id",
  types: {
    "server-create": "compute.instance.create",
    "server-delete": "compute.instance.delete",
    "server-start": "compute.instance.power_on",
    "server-stop": "compute.instance.power_off",
    "server-reboot": "compute.instance.reboot",
    "server-hard-reboot": "compute.instance.reboot",
    "server-pause": "compute.instance.pause",
    "server-unpause": "compute.instance.unpause",
    "server-suspend": "compute.instance.suspend",
    "server-resume": "compute.instance.resume",
    "volume-attach": "compute.instance.volume.attach",
    "volume-detach": "compute.instance.volume.detach",
    "interface-attach": "compute.instance.interface_attach",
    "interface-detach": "compute.instance.interface_detach",
  },
};
