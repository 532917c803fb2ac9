/** A device, and what was noticed while it was asked. */
import type { Device, HttpRequest } from '../readers/device.js';
import { DeviceSilentError, HttpStatusError } from '../readers/errors.js';

export interface Watched extends Device {
  /** It refused the login. */
  readonly isLoginRefused: boolean;
}

/**
 * `isImpatient`: after one question without an answer no other one is asked. For devices that did not answer the last
 * time: each further question would only cost a time limit more.
 */
export function watched(device: Device, isImpatient: boolean): Watched {
  let isLoginRefused = false;
  let silence: DeviceSilentError | undefined;
  const watch = async (ask: () => Promise<string>): Promise<string> => {
    if (silence !== undefined) throw silence;
    try {
      return await ask();
    } catch (error) {
      if (error instanceof HttpStatusError && (error.status === 401 || error.status === 403)) isLoginRefused = true;
      if (isImpatient && error instanceof DeviceSilentError) silence = error;
      throw error;
    }
  };
  return {
    address: device.address,
    ...(device.login === undefined ? {} : { login: device.login }),
    rpc: (command, parameter) => watch(() => device.rpc(command, parameter)),
    whatsminer: (command, parameter) => watch(() => device.whatsminer(command, parameter)),
    http: (request: HttpRequest) => watch(() => device.http(request)),
    get isLoginRefused() {
      return isLoginRefused;
    },
  };
}
