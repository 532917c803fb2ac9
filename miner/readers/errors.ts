/** Why a device did not answer. */

/** It took the connection, or did not even refuse it, and then nothing came within the time limit. */
export class DeviceSilentError extends Error {
  override readonly name = 'DeviceSilentError';
}

/** Nobody listens there, or the connection was reset. */
export class DeviceUnreachableError extends Error {
  override readonly name = 'DeviceUnreachableError';
}

/** It sent more than any miner's answer holds. */
export class AnswerTooLongError extends Error {
  override readonly name = 'AnswerTooLongError';
}

export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError';

  constructor(
    readonly status: number,
    /** Of the login that it asks for; tells an Antminer from others. */
    readonly realm: string | undefined,
    message: string,
  ) {
    super(message);
  }
}
