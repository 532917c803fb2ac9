/** A device that is asked no question twice: what it answered, and that it failed, is remembered for one reading. */
import type { Device, HttpRequest } from './device.js';

export function remembering(device: Device): Device {
  const answers = new Map<string, Promise<string>>();
  const once = (question: readonly unknown[], ask: () => Promise<string>): Promise<string> => {
    const key = JSON.stringify(question);
    const before = answers.get(key);
    if (before !== undefined) return before;
    const answer = ask();
    answers.set(key, answer);
    return answer;
  };
  return {
    address: device.address,
    ...(device.login === undefined ? {} : { login: device.login }),
    rpc: (command, parameter) => once(['rpc', command, parameter], () => device.rpc(command, parameter)),
    whatsminer: (command, parameter) =>
      once(['whatsminer', command, parameter], () => device.whatsminer(command, parameter)),
    http: (request: HttpRequest) => once(['http', request], () => device.http(request)),
  };
}
