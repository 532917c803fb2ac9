/** `axle completion`: what a shell needs to complete the commands and options of this version. */
import { Argument, type Command } from 'commander';
import { SHELLS, type Shell, scriptFor } from '../completion/scripts.js';
import { treeOf } from '../completion/tree.js';

const EXAMPLES = `
Examples:
  axle completion bash > /etc/bash_completion.d/axle
  axle completion zsh > /usr/local/share/zsh/site-functions/_axle
  axle completion fish > ~/.config/fish/completions/axle.fish
  source <(axle completion bash)      this shell only`;

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('a script that lets a shell complete commands and options')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: Shell) => {
      process.stdout.write(scriptFor(shell, treeOf(program)));
    });
}
