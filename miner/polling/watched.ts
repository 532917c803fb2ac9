/** A device, and what was noticed while it was asked. */
import type { Device, HttpRequest } from '../readers/device.js';
import { HttpStatusError } from '../readers/errors.js';

export interface Watched extends Device {
  /** It refused the login. */
  readonly isLoginRefused: boolean;
}

export function watched(device: Device): Watched {
  let isLoginRefused = false;
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
    rpc: (command, parameter) => watch(() => device.rpc(command, parameter)),
    whatsminer: (command, parameter) => watch(() => device.whatsminer(command, parameter)),
    http: (request: HttpRequest) => watch(() => device.http(request)),
    get isLoginRefused() {
      return isLoginRefused;
    },
  };
}
