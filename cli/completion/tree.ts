/** The commands as a shell completes them: read off commander's own tree, hidden ones left out. Pure. */
import type { Command, Option } from 'commander';

export type Flag = {
  /** `--config`, `-c`. */
  readonly names: readonly string[];
  readonly about: string;
  /** What its value may be: these words, a file, anything; undefined where it takes none. */
  readonly value: Value | undefined;
};

export type Value = { readonly kind: 'words'; readonly words: readonly string[] } | { readonly kind: 'file' | 'any' };

export type Node = {
  /** Without the program: `held list`; '' for the program itself. */
  readonly path: string;
  readonly name: string;
  readonly about: string;
  readonly commands: readonly Node[];
  readonly flags: readonly Flag[];
  /** Of its first argument. */
  readonly argument: Value | undefined;
};

export function treeOf(command: Command, path = ''): Node {
  const help = command.createHelp();
  const [argument] = command.registeredArguments;
  return {
    path,
    name: command.name(),
    about: command.description(),
    commands: help
      .visibleCommands(command)
      .filter((sub) => sub.name() !== 'help')
      .map((sub) => treeOf(sub, `${path} ${sub.name()}`.trim())),
    flags: help.visibleOptions(command).map(flagOf),
    argument: argument && valueNamed(argument.name(), argument.argChoices),
  };
}

function flagOf(option: Option): Flag {
  const names = [option.long, option.short].filter((name) => typeof name === 'string');
  const [, placeholder] = /[<[]([^>\]]+)/.exec(option.flags) ?? [];
  const value = placeholder === undefined ? undefined : valueNamed(placeholder, option.argChoices);
  return { names, about: option.description, value };
}

function valueNamed(name: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: 'words', words: choices };
  return { kind: /^(file|folder|what|dir)/.test(name) ? 'file' : 'any' };
}

/** All of them, the program first. */
export function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const sub of node.commands) yield* nodesOf(sub);
}
