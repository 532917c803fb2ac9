/**
 * Completion scripts for bash, zsh and fish. They hold all words themselves: asking `axle` at every press of the key would
 * start Node each time.
 */
import { type Flag, type Node, nodesOf, type Value } from './tree.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function scriptFor(shell: Shell, root: Node): string {
  return { bash, zsh, fish }[shell](root);
}

/** Words of the way to a command, to be matched one after the other: options and their values are passed over. */
function cases(root: Node, of: (node: Node) => string): string {
  return [...nodesOf(root)].map((node) => `    ${quote(node.path)}) ${of(node)} ;;`).join('\n');
}

function namesOf(flags: readonly Flag[]): string[] {
  return flags.flatMap(({ names }) => names);
}

/** `command --option` → what its value may be. */
function valueCases(root: Node, of: (value: Value) => string): string {
  const lines: string[] = [];
  for (const { path, flags } of nodesOf(root))
    for (const { names, value } of flags)
      if (value !== undefined)
        lines.push(`    ${names.map((name) => quote(`${path} ${name}`)).join('|')}) ${of(value)} ;;`);
  return lines.join('\n');
}

function bash(root: Node): string {
  const words = (list: readonly string[]) => `COMPREPLY=($(compgen -W ${quote(list.join(' '))} -- "$cur"))`;
  const value = (one: Value) =>
    one.kind === 'words' ? words(one.words) : one.kind === 'file' ? 'COMPREPLY=($(compgen -f -- "$cur"))' : ':';
  return `# bash completion for axle: axle completion bash > /etc/bash_completion.d/axle
_axle() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at='' subs='' i
  COMPREPLY=()
  for ((i = 1; i <= COMP_CWORD; i++)); do
    case "$at" in
${cases(root, ({ commands }) => `subs=${quote(` ${commands.map(({ name }) => name).join(' ')} `)}`)}
    esac
    [[ $i -lt $COMP_CWORD && -n "\${COMP_WORDS[i]}" && "$subs" == *" \${COMP_WORDS[i]} "* ]] && at="\${at:+$at }\${COMP_WORDS[i]}"
  done
  case "$at $prev" in
${valueCases(root, (one) => `${value(one)}; return`)}
  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${cases(root, ({ flags }) => words(namesOf(flags)))}
    esac
    return
  fi
  case "$at" in
${cases(root, ({ commands, argument }) =>
  commands.length > 0 ? words(commands.map(({ name }) => name)) : argument ? value(argument) : ':',
)}
  esac
}
complete -o filenames -F _axle axle
`;
}

function zsh(root: Node): string {
  const value = (one: Value) =>
    one.kind === 'words' ? `compadd -- ${one.words.map(quote).join(' ')}` : one.kind === 'file' ? '_files' : ':';
  const described = (list: readonly (readonly [string, string])[]) =>
    `list=(${list.map(([name, about]) => quote(`${name.replaceAll(':', '\\:')}:${about}`)).join(' ')}); _describe axle list`;
  return `#compdef axle
# zsh completion for axle: axle completion zsh > /usr/local/share/zsh/site-functions/_axle
_axle() {
  local cur=$words[CURRENT] prev=$words[CURRENT-1] at='' subs='' i
  local -a list
  for ((i = 2; i <= CURRENT; i++)); do
    case "$at" in
${cases(root, ({ commands }) => `subs=${quote(` ${commands.map(({ name }) => name).join(' ')} `)}`)}
    esac
    [[ $i -lt $CURRENT && -n "$words[i]" && "$subs" == *" $words[i] "* ]] && at="\${at:+$at }$words[i]"
  done
  case "$at $prev" in
${valueCases(root, (one) => `${value(one)}; return`)}
  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${cases(root, ({ flags }) => described(flags.flatMap(({ names, about }) => names.map((name) => [name, about] as const))))}
    esac
    return
  fi
  case "$at" in
${cases(root, ({ commands, argument }) =>
  commands.length > 0
    ? described(commands.map(({ name, about }) => [name, about] as const))
    : argument
      ? value(argument)
      : ':',
)}
  esac
}
if [[ "$funcstack[1]" == _axle ]]; then _axle "$@"; else compdef _axle axle; fi
`;
}

function fish(root: Node): string {
  const lines = [
    '# fish completion for axle: axle completion fish > ~/.config/fish/completions/axle.fish',
    'complete -c axle -f',
  ];
  for (const { path, commands, flags, argument } of nodesOf(root)) {
    const seen = path.split(' ').filter(Boolean);
    const here = [
      ...seen.map((word) => `__fish_seen_subcommand_from ${word}`),
      ...(commands.length > 0 ? [`not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(' ')}`] : []),
    ];
    const when = `complete -c axle -n ${fishQuote(here.length > 0 ? here.join('; and ') : 'true')}`;
    for (const { name, about } of commands) lines.push(`${when} -a ${name} -d ${fishQuote(about)}`);
    if (argument?.kind === 'words') lines.push(`${when} -a ${fishQuote(argument.words.join(' '))}`);
    if (argument?.kind === 'file') lines.push(`${when} -F`);
    for (const { names, about, value } of flags) {
      const name = names.map((one) => (one.startsWith('--') ? `-l ${one.slice(2)}` : `-s ${one.slice(1)}`)).join(' ');
      const takes =
        value === undefined
          ? ''
          : value.kind === 'words'
            ? ` -x -a ${fishQuote(value.words.join(' '))}`
            : value.kind === 'file'
              ? ' -r -F'
              : ' -x';
      lines.push(`${when} ${name}${takes} -d ${fishQuote(about)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishQuote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
