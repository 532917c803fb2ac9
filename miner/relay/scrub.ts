/** Takes out of a text what tells where in the local network a device is: its addresses, and those of anybody else. */

const IPV4 = /(?<![\d.])(\d{1,3}\.){3}\d{1,3}(?![\d.])/;
/** As a name of a host in a text writes them: 192-168-1-5, 192_168_1_5. */
const IPV4_JOINED = /(?<!\d)(10|127|169|172|192)([-_]\d{1,3}){3}(?!\d)/;
const MAC = /(?<![0-9a-f])([0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![0-9a-f])/i;
const IPV6 =
  /(?<![0-9a-f:])(?:[0-9a-f]{1,4}:){2,7}[0-9a-f:]*[0-9a-f]|(?<![0-9a-f:])(?:f[cd][0-9a-f]{2}|fe80)::[0-9a-f:]*/i;

export interface Place {
  readonly address?: string | undefined;
  readonly mac?: string | undefined;
}

/** Whether a text names a place in the local network: any address, or the tail of this device's MAC, as in "bitaxe-a1b2c3". */
export function namesPlace(text: string, { address, mac }: Place = {}): boolean {
  if ([IPV4, IPV4_JOINED, MAC, IPV6].some((pattern) => pattern.test(text))) return true;
  if (address !== undefined && text.includes(address)) return true;
  const digits = mac?.replaceAll(/[^0-9a-f]/gi, '').toLowerCase() ?? '';
  if (digits.length !== 12) return false;
  return text
    .toLowerCase()
    .replaceAll(/[^0-9a-z]/g, '')
    .includes(digits.slice(6));
}

/** The text, or nothing where it names a place. */
export function withoutPlace(text: string | undefined, place: Place = {}): string | undefined {
  return text === undefined || namesPlace(text, place) ? undefined : text;
}
