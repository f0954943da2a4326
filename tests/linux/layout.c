/* Prints the layouts that runtime/linux writes down, as the C headers of this machine have them. */
#include <linux/blkpg.h>
#include <linux/dm-ioctl.h>
#include <linux/loop.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>

#define AT(name, type, field) printf("%s %zu\n", name, offsetof(type, field))
#define NUMBER(name, value) printf("%s %lu\n", name, (unsigned long)(value))

int main(void) {
  NUMBER("blkpg_ioctl_arg", sizeof(struct blkpg_ioctl_arg));
  AT("blkpg_ioctl_arg.op", struct blkpg_ioctl_arg, op);
  AT("blkpg_ioctl_arg.datalen", struct blkpg_ioctl_arg, datalen);
  AT("blkpg_ioctl_arg.data", struct blkpg_ioctl_arg, data);
  NUMBER("blkpg_partition", sizeof(struct blkpg_partition));
  AT("blkpg_partition.start", struct blkpg_partition, start);
  AT("blkpg_partition.length", struct blkpg_partition, length);
  AT("blkpg_partition.pno", struct blkpg_partition, pno);
  NUMBER("loop_config", sizeof(struct loop_config));
  AT("loop_config.fd", struct loop_config, fd);
  AT("loop_config.block_size", struct loop_config, block_size);
  AT("loop_config.lo_flags", struct loop_config, info.lo_flags);
  AT("loop_config.lo_file_name", struct loop_config, info.lo_file_name);
  NUMBER("dm_ioctl", sizeof(struct dm_ioctl));
  AT("dm_ioctl.version", struct dm_ioctl, version);
  AT("dm_ioctl.data_size", struct dm_ioctl, data_size);
  AT("dm_ioctl.data_start", struct dm_ioctl, data_start);
  AT("dm_ioctl.target_count", struct dm_ioctl, target_count);
  AT("dm_ioctl.flags", struct dm_ioctl, flags);
  AT("dm_ioctl.dev", struct dm_ioctl, dev);
  AT("dm_ioctl.name", struct dm_ioctl, name);
  AT("dm_ioctl.uuid", struct dm_ioctl, uuid);
  NUMBER("dm_target_spec", sizeof(struct dm_target_spec));
  AT("dm_target_spec.length", struct dm_target_spec, length);
  AT("dm_target_spec.next", struct dm_target_spec, next);
  AT("dm_target_spec.type", struct dm_target_spec, target_type);
  AT("dm_name_list.next", struct dm_name_list, next);
  AT("dm_name_list.name", struct dm_name_list, name);
  NUMBER("DM_VERSION", DM_VERSION);
  NUMBER("DM_LIST_DEVICES", DM_LIST_DEVICES);
  NUMBER("DM_DEV_CREATE", DM_DEV_CREATE);
  NUMBER("DM_DEV_REMOVE", DM_DEV_REMOVE);
  NUMBER("DM_DEV_SUSPEND", DM_DEV_SUSPEND);
  NUMBER("DM_DEV_STATUS", DM_DEV_STATUS);
  NUMBER("DM_TABLE_LOAD", DM_TABLE_LOAD);
  NUMBER("siginfo_t", sizeof(siginfo_t));
  AT("siginfo_t.si_code", siginfo_t, si_code);
  AT("siginfo_t.si_pid", siginfo_t, si_pid);
  AT("siginfo_t.si_uid", siginfo_t, si_uid);
  AT("siginfo_t.si_status", siginfo_t, si_status);
  NUMBER("sysinfo", sizeof(struct sysinfo));
  AT("sysinfo.loads", struct sysinfo, loads);
  AT("sysinfo.totalram", struct sysinfo, totalram);
  AT("sysinfo.freeram", struct sysinfo, freeram);
  AT("sysinfo.sharedram", struct sysinfo, sharedram);
  AT("sysinfo.bufferram", struct sysinfo, bufferram);
  AT("sysinfo.totalswap", struct sysinfo, totalswap);
  AT("sysinfo.freeswap", struct sysinfo, freeswap);
  AT("sysinfo.procs", struct sysinfo, procs);
  AT("sysinfo.totalhigh", struct sysinfo, totalhigh);
  AT("sysinfo.freehigh", struct sysinfo, freehigh);
  AT("sysinfo.mem_unit", struct sysinfo, mem_unit);
  AT("tcp_info.rtt", struct tcp_info, tcpi_rtt);
  AT("tcp_info.bytes_received", struct tcp_info, tcpi_bytes_received);
  AT("tcp_info.segs_out", struct tcp_info, tcpi_segs_out);
  AT("tcp_info.segs_in", struct tcp_info, tcpi_segs_in);
  AT("tcp_info.bytes_sent", struct tcp_info, tcpi_bytes_sent);
  NUMBER("sockaddr_in", sizeof(struct sockaddr_in));
  AT("sockaddr_in.sin_port", struct sockaddr_in, sin_port);
  AT("sockaddr_in.sin_addr", struct sockaddr_in, sin_addr);
  NUMBER("sockaddr_in6", sizeof(struct sockaddr_in6));
  AT("sockaddr_in6.sin6_port", struct sockaddr_in6, sin6_port);
  AT("sockaddr_in6.sin6_addr", struct sockaddr_in6, sin6_addr);
  AT("sockaddr_in6.sin6_scope_id", struct sockaddr_in6, sin6_scope_id);
  NUMBER("AF_INET", AF_INET);
  NUMBER("AF_INET6", AF_INET6);
  NUMBER("SOCK_STREAM", SOCK_STREAM);
  NUMBER("SOCK_NONBLOCK", SOCK_NONBLOCK);
  NUMBER("SOCK_CLOEXEC", SOCK_CLOEXEC);
  return 0;
}
