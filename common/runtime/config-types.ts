/** What config schemas are made of. */
import { type TSchema, Type } from '@sinclair/typebox';

/** `must` is what a mistake's message says after the address, where the schema itself has no words for it. */
export function text(pattern: string, must: string, more: object = {}) {
  return Type.String({ pattern, must, ...more });
}

export function oneOf<T extends string>(values: readonly T[], more: object = {}) {
  return Type.Unsafe<T>({ type: 'string', enum: [...values], ...more });
}

/** Refuses keys that it does not know. */
export function strict<T extends Record<string, TSchema>>(properties: T, more: object = {}) {
  return Type.Object(properties, { additionalProperties: false, ...more });
}

export const Path = text('^/[^\\u0000-\\u001f]*$', 'must be an absolute path');
/** May not begin with '-': it ends up in the argument list of ssh and rsync. */
export const Host = text('^[A-Za-z0-9][A-Za-z0-9.:_-]*$', 'must be a host name or address');
export const LogLevel = oneOf(['error', 'warn', 'info', 'debug'] as const, { default: 'info' });
