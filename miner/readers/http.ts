/** One HTTP request to a device. Redirects are not followed: a device must not send its reader elsewhere. */
import http from 'node:http';
import type { HttpRequest } from './device.js';
import { digestAnswer, realmOf } from './digest.js';
import { AnswerTooLongError, DeviceSilentError, DeviceUnreachableError, HttpStatusError } from './errors.js';
import type { Limits } from './network-device.js';

interface Answer {
  readonly status: number;
  readonly authenticate: string | undefined;
  readonly body: string;
}

/** The body, whatever it is; a status of 400 and above throws. Where digest is asked for, the login is used once. */
export async function requestHttp(
  address: string,
  port: number,
  request: HttpRequest,
  limits: Limits,
): Promise<string> {
  const ends_at = performance.now() + limits.answer_ms;
  let answer = await send(address, port, request, request.headers ?? {}, limits);
  const method = request.body === undefined ? 'GET' : 'POST';
  if (answer.status === 401 && request.login !== undefined && answer.authenticate !== undefined) {
    const authorization = digestAnswer(answer.authenticate, request.login, method, request.path);
    const left_ms = Math.max(1, ends_at - performance.now());
    if (authorization !== undefined) {
      answer = await send(
        address,
        port,
        request,
        { ...request.headers, authorization },
        { ...limits, answer_ms: left_ms },
      );
    }
  }
  if (answer.status < 400) return answer.body;
  const realm = realmOf(answer.authenticate);
  throw new HttpStatusError(answer.status, realm, `${address}:${port}${request.path} answers ${answer.status}`);
}

function send(
  address: string,
  port: number,
  request: HttpRequest,
  headers: Readonly<Record<string, string>>,
  limits: Limits,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const where = `${address}:${port}${request.path}`;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const outgoing = http.request({
      host: address,
      port,
      path: request.path,
      method: body === undefined ? 'GET' : 'POST',
      // Without an agent no connection is kept: `Connection: close`.
      agent: limits.agent ?? false,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(limits.signal ? { signal: limits.signal } : {}),
    });
    const fail = (error: Error) => {
      clearTimeout(timer);
      outgoing.destroy();
      reject(error);
    };
    let timer = setTimeout(() => fail(new DeviceSilentError(`${where} took no connection`)), limits.connect_ms);
    const connected = () => {
      clearTimeout(timer);
      timer = setTimeout(() => fail(new DeviceSilentError(`${where} does not answer`)), limits.answer_ms);
    };
    outgoing.on('socket', (socket) => {
      if (socket.connecting) socket.once('connect', connected);
      else connected();
    });
    outgoing.on('error', (cause: NodeJS.ErrnoException) => {
      // The device has closed the kept connection just when it was used again: that says nothing of how it is.
      const isClosedBefore = outgoing.reusedSocket && (cause.code === 'ECONNRESET' || cause.code === 'EPIPE');
      if (!isClosedBefore) return fail(new DeviceUnreachableError(`${where}: ${cause.message}`, { cause }));
      clearTimeout(timer);
      send(address, port, request, headers, limits).then(resolve, reject);
    });
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const finish = () => {
        clearTimeout(timer);
        response.destroy();
        resolve({
          status: response.statusCode ?? 0,
          authenticate: response.headers['www-authenticate'],
          body: Buffer.concat(chunks).toString('utf8'),
        });
      };
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > limits.bytes_max)
          fail(new AnswerTooLongError(`${where} sends more than ${limits.bytes_max} bytes`));
        else chunks.push(chunk);
      });
      response.on('end', finish);
      // Cut off in the middle: readers drop what it was cut in.
      response.on('aborted', finish);
      response.on('error', (cause) => fail(new DeviceUnreachableError(`${where}: ${cause.message}`, { cause })));
    });
    outgoing.end(body);
  });
}
