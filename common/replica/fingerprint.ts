/** What tells one content of a live file from another without reading it. */
import type { BigIntStats } from 'node:fs';

/** `inode:size:mtime:ctime`, times in nanoseconds, all base 36. Equal text: the same file, not written since. */
export function fingerprint(stat: Pick<BigIntStats, 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>): string {
  return `${stat.ino.toString(36)}:${stat.size.toString(36)}:${stat.mtimeNs.toString(36)}:${stat.ctimeNs.toString(36)}`;
}
