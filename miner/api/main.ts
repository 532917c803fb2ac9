/** The API where it listens. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { isLoopback } from '../../common/runtime/config-checks.js';
import { Tokens } from '../../common/runtime/tokens.js';
import type { Agent } from '../agent.js';
import { pageAt } from '../board/board.js';
import { type ApiOptions, buildApi } from './app.js';
import { MINER_TOKENS } from './tokens.js';

export type Api = {
  readonly app: FastifyInstance;
  /** The real one where the config says 0. */
  readonly port: number;
  /** Lets requests in hand finish, ends event streams, and listens no more. */
  close(): Promise<void>;
};

/** The agent does not start with an API that cannot: whoever configured it relies on it. */
class ApiStartError extends Error {
  readonly code = 'AXL-MINER-API';

  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

/** Throws where the file of tokens or the place to listen cannot be used. */
export async function startApi(
  agent: Agent,
  options: Omit<ApiOptions, 'tokens'> & { readonly tokens_file: string },
): Promise<Api> {
  const { config, log, tokens_file } = options;
  const { host, port } = config;
  const tokens = new Tokens(
    tokens_file,
    MINER_TOKENS,
    () => performance.now(),
    (error) =>
      log.error('tokens not usable', {
        code: 'AXL-TOKENS',
        reason: error.message,
        hint: 'the tokens read before count on',
      }),
  );
  if (!isLoopback(host) && tokens.size === 0)
    throw new ApiStartError(
      `${host} is not of this machine alone, and there is no token in ${tokens_file}`,
      'make one: axle miner token add NAME --config FILE; or set api.host: 127.0.0.1',
    );
  const app = await buildApi(agent, { ...options, tokens });
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw new ApiStartError(
      `the miner API cannot listen: ${(error as Error).message}`,
      'is another miner agent running? stop one of them; else set api.port or api.host',
    );
  }
  const { port: real } = app.server.address() as AddressInfo;
  log.info('miner API', { page: pageAt(host, real), host, port: real });
  return { app, port: real, close: async () => app.close() };
}
