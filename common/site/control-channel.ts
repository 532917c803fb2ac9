/** The socket over which commands ask a running daemon; without it, files go on being kept in step. */
import { type ControlError, type ControlRoute, ControlServer, controlSocket } from '../runtime/control.js';
import type { Log } from '../runtime/log.js';

/** Rejects where another daemon has this state already. Undefined where there can be no channel. */
export async function openControl(
  state: string,
  routes: Readonly<Record<string, ControlRoute>>,
  log: Log,
): Promise<ControlServer | undefined> {
  const control = new ControlServer(controlSocket(state), routes);
  try {
    await control.start();
    return control;
  } catch (error) {
    const { code, message, hint } = error as ControlError;
    if (code === 'AXL-RUNNING') throw error;
    // Files go on being kept in step; only the commands cannot ask.
    log.warn('no control channel', {
      code,
      reason: message,
      hint: hint ?? 'commands such as axle held and axle verify do not work',
    });
    return undefined;
  }
}
