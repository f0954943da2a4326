import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { BLKPG_ARGUMENT, BLKPG_PARTITION } from "../../runtime/linux/blkpg.ts";
import { DM_IOCTL, DM_NAME_LIST, DM_TARGET_SPEC, dmRequest } from "../../runtime/linux/dm-ioctl.ts";
import { LOOP_CONFIG } from "../../runtime/linux/loop.ts";
import { SIGINFO } from "../../runtime/linux/process.ts";
import { SYSINFO } from "../../runtime/linux/sysinfo.ts";
import { TCP_INFO_FIELDS } from "../../runtime/linux/tcp-info.ts";
import {
  AF_INET,
  AF_INET6,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOCKADDR_IN,
  SOCKADDR_IN6,
} from "../../runtime/linux/tcp-socket.ts";

/** What layout.c prints with Debian 12's headers. All fields are fixed-width or natural 64-bit, so both architectures have these;
 *  the checks in in-device/ prove them on each by use. */
const OURS = {
  blkpg_ioctl_arg: BLKPG_ARGUMENT.sizeBytes,
  "blkpg_ioctl_arg.op": BLKPG_ARGUMENT.op,
  "blkpg_ioctl_arg.datalen": BLKPG_ARGUMENT.dataBytes,
  "blkpg_ioctl_arg.data": BLKPG_ARGUMENT.data,
  blkpg_partition: BLKPG_PARTITION.sizeBytes,
  "blkpg_partition.start": BLKPG_PARTITION.start,
  "blkpg_partition.length": BLKPG_PARTITION.length,
  "blkpg_partition.pno": BLKPG_PARTITION.number,
  loop_config: LOOP_CONFIG.sizeBytes,
  "loop_config.fd": LOOP_CONFIG.fd,
  "loop_config.block_size": LOOP_CONFIG.blockSize,
  "loop_config.lo_flags": LOOP_CONFIG.infoFlags,
  "loop_config.lo_file_name": LOOP_CONFIG.infoFileName,
  dm_ioctl: DM_IOCTL.sizeBytes,
  "dm_ioctl.version": DM_IOCTL.version,
  "dm_ioctl.data_size": DM_IOCTL.dataSize,
  "dm_ioctl.data_start": DM_IOCTL.dataStart,
  "dm_ioctl.target_count": DM_IOCTL.targetCount,
  "dm_ioctl.flags": DM_IOCTL.flags,
  "dm_ioctl.dev": DM_IOCTL.dev,
  "dm_ioctl.name": DM_IOCTL.name,
  "dm_ioctl.uuid": DM_IOCTL.uuid,
  dm_target_spec: DM_TARGET_SPEC.sizeBytes,
  "dm_target_spec.length": DM_TARGET_SPEC.length,
  "dm_target_spec.next": DM_TARGET_SPEC.next,
  "dm_target_spec.type": DM_TARGET_SPEC.type,
  "dm_name_list.next": DM_NAME_LIST.next,
  "dm_name_list.name": DM_NAME_LIST.name,
  DM_VERSION: dmRequest("DM_VERSION"),
  DM_LIST_DEVICES: dmRequest("DM_LIST_DEVICES"),
  DM_DEV_CREATE: dmRequest("DM_DEV_CREATE"),
  DM_DEV_REMOVE: dmRequest("DM_DEV_REMOVE"),
  DM_DEV_SUSPEND: dmRequest("DM_DEV_SUSPEND"),
  DM_DEV_STATUS: dmRequest("DM_DEV_STATUS"),
  DM_TABLE_LOAD: dmRequest("DM_TABLE_LOAD"),
  siginfo_t: SIGINFO.sizeBytes,
  "siginfo_t.si_code": SIGINFO.code,
  "siginfo_t.si_pid": SIGINFO.pid,
  "siginfo_t.si_uid": SIGINFO.uid,
  "siginfo_t.si_status": SIGINFO.status,
  sysinfo: SYSINFO.sizeBytes,
  "sysinfo.loads": SYSINFO.loads,
  "sysinfo.totalram": SYSINFO.totalram,
  "sysinfo.freeram": SYSINFO.freeram,
  "sysinfo.sharedram": SYSINFO.sharedram,
  "sysinfo.bufferram": SYSINFO.bufferram,
  "sysinfo.totalswap": SYSINFO.totalswap,
  "sysinfo.freeswap": SYSINFO.freeswap,
  "sysinfo.procs": SYSINFO.procs,
  "sysinfo.totalhigh": SYSINFO.totalhigh,
  "sysinfo.freehigh": SYSINFO.freehigh,
  "sysinfo.mem_unit": SYSINFO.memUnit,
  "tcp_info.rtt": TCP_INFO_FIELDS.rtt,
  "tcp_info.bytes_received": TCP_INFO_FIELDS.bytesReceived,
  "tcp_info.segs_out": TCP_INFO_FIELDS.segsOut,
  "tcp_info.segs_in": TCP_INFO_FIELDS.segsIn,
  "tcp_info.bytes_sent": TCP_INFO_FIELDS.bytesSent,
  sockaddr_in: SOCKADDR_IN.sizeBytes,
  "sockaddr_in.sin_port": SOCKADDR_IN.port,
  "sockaddr_in.sin_addr": SOCKADDR_IN.address,
  sockaddr_in6: SOCKADDR_IN6.sizeBytes,
  "sockaddr_in6.sin6_port": SOCKADDR_IN6.port,
  "sockaddr_in6.sin6_addr": SOCKADDR_IN6.address,
  "sockaddr_in6.sin6_scope_id": SOCKADDR_IN6.scope,
  AF_INET,
  AF_INET6,
  SOCK_STREAM,
  SOCK_NONBLOCK,
  SOCK_CLOEXEC,
};

test("layouts and request numbers are those of the C headers", () => {
  const program = `/tmp/cairn-layout-${process.pid}`;
  try {
    const built = Bun.spawnSync(["cc", "-o", program, join(import.meta.dir, "layout.c")]);
    expect(built.stderr.toString()).toBe("");
    const lines = Bun.spawnSync([program]).stdout.toString().trim().split("\n");
    expect(
      Object.fromEntries(lines.map((line) => line.split(" ")).map(([name, value]) => [name, Number(value)])),
    ).toEqual(OURS);
  } finally {
    rmSync(program, { force: true });
  }
});
