/** A question to the daemon that is running with a config. */
import { loadConfig } from '../common/runtime/config.js';
import { callControl, controlSocket } from '../common/runtime/control.js';

/** Rejects with what is wrong and what to do about it. `asError` makes the error of a daemon that did not answer. */
export async function askDaemon<T>(
  file: string,
  route: string,
  input: unknown,
  asError: (message: string) => Error = (message) => new Error(message),
  signal?: AbortSignal,
): Promise<T> {
  const { role, config } = loadConfig(file);
  try {
    return (await callControl(controlSocket(config.state), route, input, signal)) as T;
  } catch (error) {
    const { code, message, hint } = error as Error & { code?: string; hint?: string };
    const remedy = code === 'AXL-NOT-RUNNING' ? `start it with: axle ${role} --config ${file}` : hint;
    throw asError(`${code === undefined ? '' : `${code}: `}${message}${remedy === undefined ? '' : `\n${remedy}`}`);
  }
}
