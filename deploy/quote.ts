/** The one place where a command line for a remote shell is made. */

const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/**
 * One line from which a POSIX shell (sh, dash, bash, ksh, zsh) makes exactly these arguments again. ssh hands a command to
 * the login shell of the account, so that there is no way around a shell; data goes by standard input.
 */
export function quote(argv: readonly string[]): string {
  return argv.map(quoteOne).join(' ');
}

function quoteOne(argument: string): string {
  if (argument.includes('\0')) throw new RangeError('an argument cannot hold a NUL');
  if (PLAIN.test(argument) && !argument.startsWith('=')) return argument;
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}
