/** Addresses of Bitcoin Cash, as its specification of CashAddr says: base32 like bech32, with another checksum. */

const CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATORS = [0x98f2bc8e61n, 0x79b76d99e2n, 0xf33e5fb3c4n, 0xae2eabe2a8n, 0x1e4f43e470n];
const PREFIX = 'bitcoincash';
/** P2PKH and P2SH, and the same that also hold tokens. */
const TYPES = [0, 1, 2, 3];
/** Bits of the hash by the last three bits of the version. */
const HASH_BITS = [160, 192, 224, 256, 320, 384, 448, 512];
const CHECKSUM = 8;

/** The address in lower case with its prefix, or undefined where it is none. */
export function parseCashAddress(text: string): string | undefined {
  if (text !== text.toLowerCase() && text !== text.toUpperCase()) return undefined;
  const lower = text.toLowerCase();
  const body = lower.startsWith(`${PREFIX}:`) ? lower.slice(PREFIX.length + 1) : lower;
  const values = [...body].map((character) => CHARSET.indexOf(character));
  if (values.length < 42 || values.length > 112 || values.includes(-1)) return undefined;
  const prefix = [...PREFIX].map((character) => character.charCodeAt(0) & 31);
  if (checksumOf([...prefix, 0, ...values]) !== 0n) return undefined;
  const bytes = bytesOf(values.slice(0, -CHECKSUM));
  const version = bytes?.[0];
  if (bytes === undefined || version === undefined || (version & 0x80) !== 0) return undefined;
  if (!TYPES.includes(version >> 3)) return undefined;
  return (bytes.length - 1) * 8 === HASH_BITS[version & 7] ? `${PREFIX}:${body}` : undefined;
}

function checksumOf(values: readonly number[]): bigint {
  let sum = 1n;
  for (const value of values) {
    const top = sum >> 35n;
    sum = ((sum & 0x07ffffffffn) << 5n) ^ BigInt(value);
    for (const [bit, generator] of GENERATORS.entries()) if ((top >> BigInt(bit)) & 1n) sum ^= generator;
  }
  return sum ^ 1n;
}

/** Undefined where what is left over is more than padding. */
function bytesOf(values: readonly number[]): number[] | undefined {
  const bytes: number[] = [];
  let rest = 0;
  let bits = 0;
  for (const value of values) {
    rest = (rest << 5) | value;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push(rest >> bits);
    rest &= (1 << bits) - 1;
  }
  return bits < 5 && rest === 0 ? bytes : undefined;
}
