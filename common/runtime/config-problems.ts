/** Mistakes of a config file in words: address, what must be, what was found, and the line where it stands. */
import type { ErrorObject } from 'ajv';
import { type Document, isMap, isScalar, type LineCounter } from 'yaml';

export type Address = readonly (string | number)[];

export type Problem = {
  readonly address: Address;
  /** `must be 1–65535 (got -1)` */
  readonly message: string;
};

/** Thrown for a config that cannot be used; `message` names every mistake on a line of its own. */
export class ConfigError extends Error {
  readonly file: string;
  readonly problems: readonly string[];

  constructor(file: string, problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}

/** `spokes[2].link.port`; keys that are no plain words are quoted: `kinds.balances.paths["stats.*"]`. */
export function formatAddress(address: Address): string {
  let out = '';
  for (const part of address) {
    if (typeof part === 'number') out += `[${part}]`;
    else if (/^[A-Za-z_][\w-]*$/.test(part)) out += out === '' ? part : `.${part}`;
    else out += `[${JSON.stringify(part)}]`;
  }
  return out;
}

/** One of Ajv's errors (from a validator with `verbose: true`) about the value at `base`. */
export function describeError(error: ErrorObject, base: Address = []): Problem {
  const address = [...base, ...pointerParts(error.instancePath)];
  const schema = (error.parentSchema ?? {}) as Record<string, unknown>;
  switch (error.keyword) {
    case 'additionalProperties': {
      const key = String(error.params.additionalProperty);
      const known = Object.keys((schema.properties as object | undefined) ?? {});
      return { address: [...address, key], message: `is not a known key (known here: ${known.join(', ')})` };
    }
    case 'required':
      return { address: [...address, String(error.params.missingProperty)], message: 'is missing' };
    default:
      return { address, message: `${requirement(error, schema)} (got ${show(error.data)})` };
  }
}

function requirement(error: ErrorObject, schema: Record<string, unknown>): string {
  if (typeof schema.must === 'string') return schema.must;
  if (Array.isArray(schema.enum)) return `must be one of ${schema.enum.join(', ')}`;
  if (schema.type === 'integer') return `must be ${schema.minimum}–${schema.maximum}`;
  if (schema.type === 'object') return 'must be a group of keys';
  if (schema.type === 'array') return 'must be a list';
  return error.message ?? 'is not valid';
}

function show(value: unknown): string {
  const written = JSON.stringify(value) ?? 'nothing';
  return written.length > 80 ? `${written.slice(0, 77)}…` : written;
}

function pointerParts(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** In the order of their lines: `hub.yaml:7: spokes[2].link.port: must be 1–65535 (got -1)` */
export function locate(problems: readonly Problem[], file: string, document: Document, lines: LineCounter): string[] {
  return problems
    .map((problem) => ({ ...problem, offset: findOffset(document, problem.address) }))
    .sort((one, other) => (one.offset ?? 0) - (other.offset ?? 0))
    .map(({ address, message, offset }) => {
      const line = offset === undefined ? '' : `:${lines.linePos(offset).line}`;
      const where = formatAddress(address);
      return `${file}${line}: ${where === '' ? '' : `${where}: `}${message}`;
    });
}

/** Where the address stands; for something missing, where the group stands that should hold it. */
function findOffset(document: Document, address: Address): number | undefined {
  for (let length = address.length; length > 0; length -= 1) {
    const parent = length === 1 ? document.contents : document.getIn(address.slice(0, length - 1), true);
    const last = address[length - 1];
    if (isMap(parent)) {
      // The key and not the value: a value may stand on a later line.
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(last));
      if (isScalar(pair?.key)) return pair.key.range?.[0];
      continue;
    }
    const node = document.getIn(address.slice(0, length), true) as { range?: readonly number[] } | undefined;
    if (node?.range) return node.range[0];
  }
  return document.contents?.range?.[0];
}
