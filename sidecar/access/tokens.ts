/** What the tokens of a site's sidecar may do. */
import type { Token as AnyToken, Tokens as AnyTokens, TokenKind } from '../../common/runtime/tokens.js';

export const SCOPES = ['balances:read', 'balances:write', 'profiles', 'miner-credits'] as const;
export type Scope = (typeof SCOPES)[number];
export type Token = AnyToken<Scope>;
export type Tokens = AnyTokens<Scope>;

export const SIDECAR_TOKENS: TokenKind<Scope> = { scopes: SCOPES, command: 'axle token' };
