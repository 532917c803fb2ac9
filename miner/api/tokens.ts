/** What the tokens of the miner agent's API may do. */
import type { Tokens as AnyTokens, TokenKind } from '../../common/runtime/tokens.js';

/** `read`: everything that GET answers. `write`: all else; who may write and read has both. */
export const SCOPES = ['read', 'write'] as const;
export type Scope = (typeof SCOPES)[number];
export type Tokens = AnyTokens<Scope>;

export const MINER_TOKENS: TokenKind<Scope> = { scopes: SCOPES, command: 'axle miner token' };
