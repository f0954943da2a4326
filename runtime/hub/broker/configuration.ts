import type { Host } from "../../certificates/index.ts";
import type { DeviceId, FleetName } from "../../fleet/terms/index.ts";

/** Where a broker listens, and as whom it runs. */
export interface BrokerWish {
  /** Null: everywhere. */
  readonly host: Host | null;
  readonly port: number;
  /** Name of the user that it runs as, when it is started by root; null: whoever starts it. */
  readonly user: string | null;
}

/** Files that the broker reads, from the folder of the hub, in which it runs: no path has to be written into its configuration. */
export interface BrokerFiles {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly revoked: string;
  readonly acl: string;
  /** Folder of its own. */
  readonly folder: string;
}

/**
 * What a message may have. Blocks of objects have 16 KiB. So much waits for a client at most, and what comes then is dropped although the
 * broker has acknowledged it: for a device that is away, to which the hub alone writes, and for the hub itself, when the fleet reports
 * faster than it keeps that, as after a start.
 */
export const limits = {
  packetBytesMax: 20 << 10,
  inflightMax: 16,
  queuedMax: 50_000,
  queuedBytesMax: 16 << 20,
  /** Seconds: devices on cellular links ping every 29 minutes. */
  keepaliveMaxS: 3600,
  topicAliasesMax: 16,
} as const;

/** Configuration of Mosquitto 2 (mosquitto.conf(5)). Nobody gets in without a certificate of the fleet; who it names is what the client is called. */
export function configurationText({ host, port, user }: BrokerWish, files: BrokerFiles): string {
  const lines = [
    "# Written by the hub at each start.",
    `listener ${port}${host === null ? "" : ` ${host.text}`}`,
    "protocol mqtt",
    "tls_version tlsv1.3",
    `cafile ${files.authority}`,
    `certfile ${files.certificate}`,
    `keyfile ${files.key}`,
    `crlfile ${files.revoked}`,
    "require_certificate true",
    // Common name of the certificate = user name = client id: nobody takes over another's session.
    "use_identity_as_username true",
    "use_username_as_clientid true",
    "max_qos 1",
    `max_topic_alias ${limits.topicAliasesMax}`,
    "allow_anonymous false",
    `acl_file ${files.acl}`,
    "check_retain_source true",
    `max_packet_size ${limits.packetBytesMax}`,
    `max_inflight_messages ${limits.inflightMax}`,
    `max_queued_messages ${limits.queuedMax}`,
    `max_queued_bytes ${limits.queuedBytesMax}`,
    `max_keepalive ${limits.keepaliveMaxS}`,
    "persistent_client_expiration 7d",
    "persistence true",
    `persistence_location ${files.folder}`,
    "autosave_interval 300",
    "sys_interval 0",
    "log_dest stderr",
    "log_timestamp false",
    ...["error", "warning", "notice", "information"].map((type) => `log_type ${type}`),
    ...(user === null ? [] : [`user ${user}`]),
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * Configuration of OpenSSL for it (config(5), SSL_CONF_cmd(3)), which Mosquitto itself has no words for. A session that is resumed is one that the
 * broker keeps, and its ticket a number: one that is the session itself has the device's certificate in it, and goes over the link three times.
 */
export const tlsText = (): string =>
  [
    "# Written by the hub at each start.",
    "openssl_conf = broker",
    "[broker]",
    "ssl_conf = tls",
    "[tls]",
    "system_default = server",
    "[server]",
    "Options = -SessionTicket",
    "NumTickets = 1",
    "",
  ].join("\n");

/**
 * Who may do what: a device reads what is for it and writes what is from it, the hub the other way round. What is not allowed here is
 * not allowed. A revoked device that is connected still is allowed nothing any more.
 */
export function aclText(fleet: FleetName, hub: string, revoked: readonly DeviceId[]): string {
  const lines = [
    `user ${hub}`,
    `topic read c/${fleet}/+/u/#`,
    `topic write c/${fleet}/+/n/#`,
    // To take away what a revoked device left.
    `topic write c/${fleet}/+/u/#`,
    ...revoked.flatMap((id) => [`user ${id}`, "topic deny #"]),
    `pattern read c/${fleet}/%u/n/#`,
    `pattern write c/${fleet}/%u/u/#`,
  ];
  return `${lines.join("\n")}\n`;
}
