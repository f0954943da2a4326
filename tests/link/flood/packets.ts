/** MQTT 5 as a broker speaks it that means no good: packets made by hand, since no library makes bad ones (MQTT 5 section 2 and 3). */

export const CONNECT = 1;
export const PUBLISH = 3;
export const SUBSCRIBE = 8;
export const PINGREQ = 12;

/** Variable byte integer (section 1.5.5). */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return bytes;
}

const u16 = (value: number): readonly [number, number] => [(value >> 8) & 255, value & 255];
const text = (words: string): Uint8Array => Buffer.concat([Uint8Array.from(u16(words.length)), Buffer.from(words)]);

export const packet = (type: number, flags: number, body: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.from([(type << 4) | flags, ...varint(body.length)]), body]);

/** `keepaliveS`: what the device is to use instead of its own. */
export const connack = (keepaliveS: number | null = null): Uint8Array => {
  const properties = keepaliveS === null ? [] : [0x13, ...u16(keepaliveS)];
  return packet(2, 0, Uint8Array.from([0, 0, properties.length, ...properties]));
};
export const suback = (id: number, reason: number): Uint8Array =>
  packet(9, 0, Uint8Array.from([...u16(id), 0, reason]));
export const puback = (id: number): Uint8Array => packet(4, 0, Uint8Array.from(u16(id)));
export const pingresp: Uint8Array = Uint8Array.of(13 << 4, 0);

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Null: QoS 0. */
  readonly id?: number;
  readonly qos?: 1 | 2;
  readonly retain?: boolean;
  readonly userProperties?: readonly (readonly [string, string])[];
}

export function publish({ topic, payload, id, qos = 1, retain = false, userProperties = [] }: Message): Uint8Array {
  const properties = Buffer.concat(
    userProperties.flatMap(([key, value]) => [Uint8Array.of(0x26), text(key), text(value)]),
  );
  const body = Buffer.concat([
    text(topic),
    Uint8Array.from(id === undefined ? [] : u16(id)),
    Uint8Array.from(varint(properties.length)),
    properties,
    payload,
  ]);
  return packet(PUBLISH, (id === undefined ? 0 : qos << 1) | (retain ? 1 : 0), body);
}

/** What a device sends, packet by packet. */
export class Packets {
  private kept: Uint8Array = new Uint8Array();

  take(bytes: Uint8Array): readonly { readonly type: number; readonly flags: number; readonly body: Uint8Array }[] {
    this.kept = Buffer.concat([this.kept, bytes]);
    const whole = [];
    for (;;) {
      let [length, at] = [0, 1];
      for (let shift = 0; ; shift += 7) {
        const byte = this.kept[at];
        if (byte === undefined) return whole;
        at += 1;
        length |= (byte & 127) << shift;
        if (byte < 128) break;
      }
      if (this.kept.length < at + length) return whole;
      const first = this.kept[0] ?? 0;
      whole.push({ type: first >> 4, flags: first & 15, body: this.kept.slice(at, at + length) });
      this.kept = this.kept.slice(at + length);
    }
  }
}

/** Of CONNECT (section 3.1): flags, keep alive and properties come before it. */
export function clientIdOf(body: Uint8Array): string {
  const propertiesAt = 10;
  const at = propertiesAt + 1 + (body[propertiesAt] ?? 0);
  const length = ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0);
  return Buffer.from(body.slice(at + 2, at + 2 + length)).toString();
}

/** Of SUBSCRIBE, whose body begins with it. */
export const idOf = (body: Uint8Array): number => ((body[0] ?? 0) << 8) | (body[1] ?? 0);

/** Of PUBLISH with QoS 1, where it follows the topic. */
export const idOfPublish = (body: Uint8Array): number => idOf(body.slice(2 + idOf(body)));
