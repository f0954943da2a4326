import type { Host } from "../../certificates/index.ts";
import type { ExternalBroker, Hub, HubOptions } from "../../hub/index.ts";
import { err, ok, type Result } from "../../result.ts";
import { command, EXIT_USAGE, flag, type Out } from "../command.ts";
import { printable, table } from "../table.ts";
import { EXIT, exits } from "./exits.ts";

const [PORT, MQTT_PORT] = [8443, 8883];

export const serveCommand = command("serve", {
  summary: "Serve a fleet from a folder; in an empty one everything that takes is made",
  example: "cairn hub serve --folder fleet --address 192.0.2.7 --name hub.example",
  flags: {
    folder: flag.text("with all that the hub keeps; default the current one"),
    address: flag.text("where it listens, an IP address or a host name; default 127.0.0.1"),
    name: flag.texts(
      "host name or IP address under which it is reached, if not --address; the first is what devices are told",
    ),
    port: flag.text(
      `of the HTTPS API, and for datagrams to devices on thin links; default ${PORT}, 0 for any that is free`,
    ),
    "mqtt-port": flag.text(`of the MQTT broker; default ${MQTT_PORT}`),
    broker: flag.text("mqtts://host:port of a broker that runs already; default: a Mosquitto of the hub's own"),
    "broker-ca": flag.text(
      "PEM file: who certifies that broker's server, as devices are told; default the hub's authority",
    ),
    "broker-cert": flag.text(
      "PEM file: the certificate with which the hub comes to that broker; default one of its authority",
    ),
    "broker-key": flag.text("PEM file: the key of --broker-cert"),
    fleet: flag.text("name of the fleet, 1 to 16 of a-z 0-9 -; default what it was, or default"),
    json: flag.switch("what was started as one JSON object"),
  },
  operands: {},
  exits: { ...exits, [EXIT.done]: "ended by SIGINT or SIGTERM" },
  async run(values, out) {
    const options = await optionsOf(values);
    if (!options.ok) {
      out.complain(`cairn hub serve: ${options.error}`);
      return EXIT_USAGE;
    }
    const { explainHub, serveHub } = await import("../../hub/index.ts");
    const { realDisk } = await import("../../store/index.ts");
    const asked = signalled();
    const { broker = null } = options.value;
    const log = (line: string): void => out.complain(printable(line));
    const hub = await serveHub(options.value, { disk: realDisk, now: Date.now, log });
    if (!hub.ok) {
      out.complain(`cairn hub serve: ${explainHub(hub.error)}`);
      return EXIT.failed;
    }
    if (values.json) out.print(JSON.stringify(asJson(hub.value)));
    else describe(hub.value, out);
    if (broker !== null && !values.json) out.print(`\n${toInstall(options.value.folder, broker)}`);
    await asked;
    await hub.value.stop();
    return EXIT.done;
  },
});

interface Wish {
  readonly folder: string | null;
  readonly address: string | null;
  readonly name: readonly string[];
  readonly port: string | null;
  readonly "mqtt-port": string | null;
  readonly broker: string | null;
  readonly "broker-ca": string | null;
  readonly "broker-cert": string | null;
  readonly "broker-key": string | null;
  readonly fleet: string | null;
}

async function optionsOf(wish: Wish): Promise<Result<HubOptions, string>> {
  const { explainHost, parseHost } = await import("../../certificates/index.ts");
  const { withoutBrackets } = await import("../../address.ts");
  const { parseFleetName } = await import("../../hub/index.ts");
  const { resolve } = await import("node:path");
  const hosts: Host[] = [];
  for (const text of [...wish.name, wish.address ?? "127.0.0.1"]) {
    const host = parseHost(withoutBrackets(text));
    if (!host.ok) return err(explainHost(host.error));
    hosts.push(host.value);
  }
  const host = hosts.at(-1);
  // Not an address that anybody could connect to.
  const [first, ...rest] = hosts.filter(({ text }) => text !== "0.0.0.0" && text !== "::");
  if (host === undefined || first === undefined) {
    return err(`--address ${wish.address} is where it listens: say with --name under which it is reached`);
  }
  const [port, mqttPort] = [portOf(wish.port, PORT), portOf(wish["mqtt-port"], MQTT_PORT)];
  if (port === null || mqttPort === null || mqttPort === 0) return err("a port is a number from 1 to 65535");
  const fleet = wish.fleet === null ? null : parseFleetName(wish.fleet);
  if (wish.fleet !== null && fleet === null)
    return err(`--fleet "${wish.fleet}" is no name: wanted 1 to 16 of a-z 0-9 -`);
  const broker = await brokerOf(wish);
  if (!broker.ok) return broker;
  // As ourselves: it reads files that are for their owner alone.
  const brokerUser = process.getuid?.() === 0 ? "root" : null;
  const folder = resolve(wish.folder ?? ".");
  const where = { host, hosts: [first, ...rest], port, mqttPort, broker: broker.value } as const;
  return ok({ folder, fleet, ...where, brokerUser, program: thisProgram() });
}

/** Null: the hub's own. */
async function brokerOf(wish: Wish): Promise<Result<ExternalBroker | null, string>> {
  const { broker, "broker-ca": ca, "broker-cert": cert, "broker-key": key } = wish;
  if (broker === null) {
    const isAlone = ca === null && cert === null && key === null;
    return isAlone ? ok(null) : err("--broker-ca, --broker-cert and --broker-key are for --broker");
  }
  if (wish["mqtt-port"] !== null) return err("--mqtt-port is of the hub's own broker, and there is none with --broker");
  const { externalBroker } = await import("./external-broker.ts");
  return externalBroker({ broker, ca, cert, key });
}

/** The words that start this program again: a compiled one is all in one file. */
function thisProgram(): readonly string[] {
  const main = process.argv[1] ?? "";
  return main.startsWith("/$bunfs/") ? [process.execPath] : [process.execPath, main];
}

/** Null: none. */
function portOf(text: string | null, otherwise: number): number | null {
  if (text === null) return otherwise;
  return /^\d{1,5}$/.test(text) && Number(text) < 65536 ? Number(text) : null;
}

/** Resolves when somebody wants the end; a second signal ends the program at once. */
const signalled = (): Promise<void> =>
  new Promise((resolve) => {
    const stop = (): void => {
      for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, stop);
      resolve();
    };
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, stop);
  });

const asJson = ({ fleet, url, mqttUrl, fingerprint, tokens }: Hub) => ({
  fleet,
  url,
  mqttUrl,
  authority: `sha256:${fingerprint}`,
  tokens,
});

function describe({ fleet, url, mqttUrl, fingerprint, tokens }: Hub, out: Out): void {
  const authority = `sha256:${fingerprint}`;
  const facts = [
    ["fleet", fleet],
    ["hub", url],
    ["broker", mqttUrl],
    ["authority", authority],
  ];
  out.print(table(facts));
  if (tokens === null) return;
  const rows = [
    ["operator", tokens.operator],
    ["join", tokens.join],
  ];
  out.print(`\nmade just now, and shown this once:\n${table(rows)}`);
  out.print(`\noperate it with:\ncairn fleet login ${url} --authority ${authority} --token -`);
}

/** What whoever runs the broker has to do. */
function toInstall(folder: string, { certifiedBy }: ExternalBroker): string {
  const server = certifiedBy === null ? ["authority/broker.crt", "authority/broker.key"] : [];
  const files = [
    "broker/mosquitto.conf",
    "broker/openssl.cnf",
    "broker/acl",
    "broker/revoked.crl",
    "authority/devices.crt",
    ...server,
  ];
  return [
    `The broker is not the hub's to manage. It needs of ${folder}:`,
    ...files.map((file) => `  ${file}`),
    "OPENSSL_CONF in its environment names broker/openssl.cnf: without it each connection of a device costs a kilobyte more.",
    "broker/acl and broker/revoked.crl again whenever a device is revoked: until then the hub ends the sessions of such a device, and it comes back.",
  ].join("\n");
}
