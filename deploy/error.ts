/** A deploy cannot go on. `message` names the site, what is wrong, and what to do. */
export class DeployError extends Error {
  override readonly name = 'DeployError';

  constructor(
    readonly site: string,
    readonly problem: string,
    readonly remedy?: string,
  ) {
    super(`${site}: ${problem}${remedy === undefined ? '' : `\n${remedy}`}`);
  }
}
