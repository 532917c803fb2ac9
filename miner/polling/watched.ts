/** A device, and what was noticed while it was asked. */
import type { Device, HttpRequest } from '../readers/device.js';
import { DeviceSilentError, HttpStatusError } from '../readers/errors.js';

export interface Watched extends Device {
  /** It refused the login. */
  readonly isLoginRefused: boolean;
  /** Its web server takes questions and does not answer, while the cgminer protocol does. */
  readonly isWebHung: boolean;
}

/**
 * `isImpatient`: after one question without an answer no other one is asked. For devices that did not answer the last
 * time: each further question would only cost a time limit more. `isWebLeftAlone`: its web server is asked nothing.
 */
export function watched(device: Device, isImpatient: boolean, isWebLeftAlone = false): Watched {
  let isLoginRefused = false;
  let [isWebSilent, hasCommands] = [isWebLeftAlone, false];
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
    rpc: async (command, parameter) => {
      const answer = await watch(() => device.rpc(command, parameter));
      hasCommands = true;
      return answer;
    },
    whatsminer: (command, parameter) => watch(() => device.whatsminer(command, parameter)),
    http: async (request: HttpRequest) => {
      if (isWebLeftAlone) throw new Error(`the web server of ${device.address} hung, and is left alone`);
      return watch(() => device.http(request)).catch((error) => {
        if (error instanceof DeviceSilentError) isWebSilent = true;
        throw error;
      });
    },
    get isLoginRefused() {
      return isLoginRefused;
    },
    get isWebHung() {
      return isWebSilent && hasCommands;
    },
  };
}
