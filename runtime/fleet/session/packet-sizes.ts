/** The lowest seven bits of a byte of "remaining length" count (MQTT 5 section 2.1.4, the same in 3.1.1); the highest: another one follows. */
const [DIGIT, MORE] = [0x7f, 0x80];
const DIGITS_MAX = 4;

/** Follows where packets of MQTT begin in what comes, to see one that is too large before anybody has gathered it. */
export class PacketSizes {
  /** Of the packet that is coming. */
  private leftBytes = 0;
  private digits: number[] | null = null;

  constructor(private readonly bytesMax: number) {}

  /** False: a packet begins that has more bytes than it may, or no length. Nothing is to be asked after that. */
  fit(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      if (this.leftBytes > 0) {
        const taken = Math.min(this.leftBytes, bytes.length - at);
        this.leftBytes -= taken;
        at += taken;
        continue;
      }
      const byte = bytes[at] ?? 0;
      at += 1;
      if (this.digits === null) {
        this.digits = [];
        continue;
      }
      this.digits.push(byte & DIGIT);
      if ((byte & MORE) === 0) {
        this.leftBytes = this.digits.reduceRight((sum, digit) => sum * 128 + digit, 0);
        if (1 + this.digits.length + this.leftBytes > this.bytesMax) return false;
        this.digits = null;
      } else if (this.digits.length === DIGITS_MAX) return false;
    }
    return true;
  }
}
