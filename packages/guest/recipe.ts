// What the tiny guest is made of, as data. Whatever changes here, or in `files/`, makes a new image.

/** Debian packages whose files are taken; the libraries they need are found from there. */
export const programPackages = [
  "busybox-static",
  "bash",
  "dropbear-bin",
  "iproute2",
  "curl",
  "netcat-traditional",
  "e2fsprogs",
  "dosfstools",
  "fdisk",
  "util-linux",
] as const;

/** Needed to build, not in the guest. */
export const builderPackages = ["grub-common", "grub-pc-bin"] as const;

/** The package that always depends on the newest kernel for virtual machines. */
export const kernelMetaPackage = "linux-image-cloud-amd64";

/** Programs of the guest, as their packages name them; all of them end in `/bin`. */
export const programs = [
  "bin/busybox",
  "bin/bash",
  "usr/sbin/dropbear",
  "usr/bin/dropbearkey",
  "bin/ip",
  "usr/bin/curl",
  "bin/nc.traditional",
  "sbin/mke2fs",
  "sbin/mkfs.ext4",
  "sbin/e2fsck",
  "sbin/resize2fs",
  "sbin/mkfs.vfat",
  "sbin/sfdisk",
  "usr/bin/resizepart",
  "bin/lsblk",
  "sbin/blkid",
  "sbin/blockdev",
] as const;

/**
 * Kernel modules by name; what they depend on comes with them. Disks first: the root filesystem may be on
 * one.
 */
export const modules = {
  disks: ["virtio_pci", "virtio_blk", "virtio_scsi", "sd_mod", "ata_piix"],
  others: [
    "virtio_net",
    "virtio-rng",
    "button",
    "evdev",
    "sr_mod",
    "isofs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
    "nls_iso8859-1",
    "nls_utf8",
  ],
} as const;

/** Our own files: where each of `files/` goes in the guest. All are executable but the table of init. */
export const ownFiles: Readonly<Record<string, string>> = {
  init: "init",
  inittab: "etc/inittab",
  boot: "etc/init.d/boot",
  hotplug: "bin/hotplug",
  dhcp: "bin/dhcp",
  metadata: "bin/metadata",
  sudo: "bin/sudo",
  nc: "bin/nc",
};

// The password of `cirros` is the one CirrOS has, since tests of the ecosystem log in with it. Root has none,
// so that `sudo` needs none; SSH refuses empty passwords.
const cirrosHash =
  "$6$cirroscirros$u2eSn9txmyOcPNnpekCvDn7kIVH.RNNWX4QdQLmd7Fxes5fJhuZRErEdLvl6CRHGtxAlEW3klfUb2l5MTN52L/";

export const textFiles: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ncirros:x:1000:1000:cirros:/home/cirros:/bin/sh\n",
  "etc/group": "root:x:0:\ntty:x:5:\ndisk:x:6:\ncirros:x:1000:\n",
  "etc/shadow": `root::20000:0:99999:7:::\ncirros:${cirrosHash}:20000:0:99999:7:::\n`,
  "etc/shells": "/bin/sh\n/bin/bash\n/bin/ash\n",
  "etc/profile": "export PATH=/sbin:/bin:/usr/sbin:/usr/bin\n",
  "etc/hostname": "guest\n",
  "etc/hosts": "127.0.0.1 localhost\n",
  "etc/issue": "login as 'cirros' user. default password: 'gocubsgo'. use 'sudo' for root.\n",
  "etc/os-release": 'NAME="Micronova tiny guest"\nID=micronova-guest\nPRETTY_NAME="Micronova tiny guest"\n',
  // Busybox's acpid maps the key of the power button to this file.
  "etc/acpi/PWRF/00000080": "#!/bin/ash\nexec /sbin/poweroff\n",
};

export const folders = [
  "dev",
  "proc",
  "sys",
  "run",
  "tmp",
  "mnt",
  "root",
  "home/cirros",
  "var/lib",
  "var/log",
  "etc/dropbear",
] as const;

/**
 * The shell of users and of their scripts. Not busybox's: Debian builds that to prefer its own applets to
 * programs of the same name, and its `mke2fs` or `ip` know less. Our own scripts use it under the name `ash`,
 * since it starts faster.
 */
export const shellLink = { name: "sh", target: "bash" } as const;

/** Everything lives in `/bin` and `/lib`; the other names lead there. */
export const folderLinks: Readonly<Record<string, string>> = {
  sbin: "bin",
  "usr/bin": "../bin",
  "usr/sbin": "../bin",
  "usr/lib": "../lib",
  lib64: "lib",
  "var/run": "/run",
};

/** Files of packages taken as they are. */
export const packageFiles: Readonly<Record<string, string>> = { "etc/mke2fs.conf": "etc/mke2fs.conf" };

/**
 * What the kernel is told. The console is the serial port; tests of ciphers and of timers, half a second of
 * an emulated processor's time, are left out; a panic restarts the guest.
 */
export const guestCommandLine = "console=ttyS0 cryptomgr.notests no_timer_check tsc=reliable panic=5";

/** The root filesystem's label, by which the disk finds it again whatever the disk is called. */
export const rootLabel = "guest-root";

/** Room for the system and some hundred megabytes of a user's own; the file holds only what is written. */
export const diskMb = 128;
