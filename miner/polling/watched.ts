/** A device, and what was noticed while it was asked. */
import type { Device, HttpRequest } from '../readers/device.js';
import { DeviceSilentError, HttpStatusError } from '../readers/errors.js';

export interface Watched extends Device {
  /** It refused the login. */
  readonly isLoginRefused: boolean;
  /** Its web server takes questions and does not answer, while the cgminer protocol does. */
  readonly isWebHung: boolean;
}

/** `isWebLeftAlone`: its web server is asked nothing. */
export function watched(device: Device, isWebLeftAlone = false): Watched {
  let isLoginRefused = false;
  let [isWebSilent, hasCommands] = [isWebLeftAlone, false];
  const watch = async (ask: () => Promise<string>): Promise<string> => {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof HttpStatusError && (error.status === 401 || error.status === 403)) isLoginRefused = true;
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
