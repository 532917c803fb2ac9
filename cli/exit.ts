/** The command cannot do what was asked of it: exit code 2, and the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
