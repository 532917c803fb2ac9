/** Payout addresses: whether a text is one of a currency, by its form and its checksum. */
import { createHash } from 'node:crypto';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { bech32, bech32m, createBase58check } from '@scure/base';
import { parseCashAddress } from './cashaddr.js';

export const CURRENCIES = ['BTC', 'BCH', 'LTC', 'DOGE', 'ETH', 'RVN'] as const;
export type Currency = (typeof CURRENCIES)[number];

interface Forms {
  /** First bytes of base58check addresses. */
  readonly versions: readonly number[];
  /** Prefix of segwit addresses. */
  readonly segwit?: string;
}

const FORMS: Readonly<Record<Exclude<Currency, 'ETH'>, Forms>> = {
  BTC: { versions: [0x00, 0x05], segwit: 'bc' },
  BCH: { versions: [0x00, 0x05] },
  LTC: { versions: [0x30, 0x32, 0x05], segwit: 'ltc' },
  DOGE: { versions: [0x1e, 0x16] },
  RVN: { versions: [0x3c, 0x7a] },
};

const LENGTH_MAX = 120;
const HASH_BYTES = 20;

const base58check = createBase58check((bytes: Uint8Array) => createHash('sha256').update(bytes).digest());

/** The address in the spelling by which two are compared, or undefined where it is none of this currency. */
export function parseAddress(text: string, currency: Currency): string | undefined {
  if (text.length > LENGTH_MAX) return undefined;
  if (currency === 'ETH') return parseEthereum(text);
  const { versions, segwit } = FORMS[currency];
  if (currency === 'BCH') {
    const cash = parseCashAddress(text);
    if (cash !== undefined) return cash;
  }
  if (segwit !== undefined && text.toLowerCase().startsWith(`${segwit}1`)) return parseSegwit(text, segwit);
  try {
    const bytes = base58check.decode(text);
    return bytes.length === HASH_BYTES + 1 && versions.includes(bytes[0] as number) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Version 0 has the checksum of bech32, all later ones that of bech32m (BIP 350). */
function parseSegwit(text: string, prefix: string): string | undefined {
  const isVersion0 = text.toLowerCase()[prefix.length + 1] === 'q';
  try {
    const coder = isVersion0 ? bech32 : bech32m;
    const { prefix: found, words } = coder.decode(text as `${string}1${string}`);
    const [version = 0, ...program] = words;
    const { length } = coder.fromWords(program);
    const isLength = isVersion0 ? length === 20 || length === 32 : length >= 2 && length <= 40;
    return found === prefix && version <= 16 && isLength ? text.toLowerCase() : undefined;
  } catch {
    return undefined;
  }
}

/** One case throughout, or the capitals that are its checksum (EIP-55). */
function parseEthereum(text: string): string | undefined {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return undefined;
  const digits = text.slice(2);
  const lower = digits.toLowerCase();
  if (digits === lower || digits === digits.toUpperCase()) return `0x${lower}`;
  const hash = Buffer.from(keccak_256(new TextEncoder().encode(lower))).toString('hex');
  const isRight = [...digits].every((digit, place) => {
    const isCapital = Number.parseInt(hash[place] as string, 16) >= 8;
    return digit === (isCapital ? digit.toUpperCase() : digit.toLowerCase());
  });
  return isRight ? `0x${lower}` : undefined;
}

/** The first currency of which it is an address. */
export function currencyOf(text: string): Currency | undefined {
  return CURRENCIES.find((currency) => parseAddress(text, currency) !== undefined);
}

/** Whether it looks as if an address was meant: then a wrong one is a mistake and no account's name. */
export function looksLikeAddress(text: string): boolean {
  return (
    /^(?:bc1|ltc1|bitcoincash:)[0-9a-z]{6,}$/i.test(text) || /^0x[0-9a-f]{20,}$/i.test(text) || isBase58Length(text)
  );
}

function isBase58Length(text: string): boolean {
  return /^[1-9A-HJ-NP-Za-km-z]{26,35}$/.test(text) && /\d/.test(text) && /[A-Z]/.test(text) && /[a-z]/.test(text);
}
