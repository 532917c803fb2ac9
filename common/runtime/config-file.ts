/**
 * Reads a config file in YAML. Either everything in it is understood, or it is refused with all its mistakes at once;
 * nothing unknown is ever ignored, because a misspelt guard is a guard that is off.
 */
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { ConfigError, describeError, locate, type Problem } from './config-problems.js';

export type Group = Record<string, unknown>;

const ajv = new Ajv({ allErrors: true, useDefaults: true, verbose: true, strict: true, keywords: ['must'] });

/** Of a schema that comes from `config-types`. */
export function compileSchema(schema: object): ValidateFunction {
  return ajv.compile(schema);
}

/** Also fills in defaults. */
export function schemaProblems(validate: ValidateFunction, value: unknown, base: Problem['address'] = []): Problem[] {
  validate(value);
  return (validate.errors ?? []).map((error) => describeError(error, base));
}

/** Throws ConfigError. */
export function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EACCES' ? 'this account may not read it. Use sudo, or the account axle.' : message;
    throw new ConfigError(file, [`${file}: cannot be read: ${why}`]);
  }
}

/** The keys that a config file begins with; empty where it is no group. Throws ConfigError. */
export function topKeys(text: string, file: string): readonly string[] {
  const root = rootOf(parseDocument(text, { stringKeys: true }), file);
  return isGroup(root) ? Object.keys(root) : [];
}

/**
 * What the text holds, with its defaults. `problemsOf` checks and fills in; each mistake is named with its line. Throws
 * ConfigError; `file` is only a name for messages.
 */
export function parseConfigText(
  text: string,
  file: string,
  problemsOf: (root: unknown) => readonly Problem[],
): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, stringKeys: true });
  if (document.errors.length > 0) {
    throw new ConfigError(
      file,
      document.errors.map((error) => `${file}:${error.linePos?.[0].line ?? 1}: ${error.message.split('\n')[0]}`),
    );
  }
  const root = rootOf(document, file);
  const problems = problemsOf(root);
  if (problems.length > 0) {
    throw new ConfigError(file, locate(problems, file, document, lines));
  }
  return root;
}

/** Aliases are YAML's own way to be wrong: without an anchor, too many, or inside of what they stand for. */
function rootOf(document: Document, file: string): unknown {
  try {
    const root: unknown = document.toJS() ?? {};
    JSON.stringify(root);
    return root;
  } catch (error) {
    throw new ConfigError(file, [`${file}: an alias cannot be resolved: ${(error as Error).message.split('\n')[0]}`]);
  }
}

export function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
