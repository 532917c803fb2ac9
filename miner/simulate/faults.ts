/** What goes wrong with miners on a network. */
export const FAULTS = [
  /** Takes the connection and never answers. */
  'hung',
  /** Answers byte by byte. */
  'slow',
  /** Half of the answer, then the end. */
  'truncated',
  /** No NUL, and the connection stays open. */
  'nul-less',
  /** Commas too many and missing, nan, raw newlines. */
  'invalid-json',
  /** A web page instead of an answer. */
  'html',
  /** Resets the connection. */
  'reset',
  /** Its mining program is restarted every minute. */
  'restarts',
  /** Its counters fall to 0 every minute, without a restart. */
  'counters-fall',
  /** Its counters begin again at a thousand. */
  'counters-wrap',
  /** Has another address every minute. */
  'moves',
] as const;
export type Fault = (typeof FAULTS)[number];

/** The text, broken as firmware breaks it: everything in it can still be read. */
export function brokenJson(text: string): string {
  return text
    .replace('[{', '[,{')
    .replace('},{', '}{')
    .replace('"id":1}', '"bad":nan,"worse":-inf,"id":1,}')
    .replace('"Summary"', '"Sum\nmary"');
}
