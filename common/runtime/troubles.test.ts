import { describe, expect, it } from 'vitest';
import { TROUBLES, troubleOf } from './troubles.js';

const error = (code: string, message = `${code}: words`, more: object = {}): Error =>
  Object.assign(new Error(message), { code, ...more });

describe('troubleOf', () => {
  it.each([
    [error('ENOSPC'), 'AXL-DISK-FULL'],
    [error('EDQUOT'), 'AXL-DISK-FULL'],
    [error('SQLITE_FULL'), 'AXL-DISK-FULL'],
    [error('SQLITE_IOERR_SHMSIZE'), 'AXL-DISK-FULL'],
    [error('EROFS'), 'AXL-READ-ONLY'],
    [error('SQLITE_READONLY'), 'AXL-READ-ONLY'],
    [error('SQLITE_READONLY_DIRECTORY'), 'AXL-READ-ONLY'],
    [error('SQLITE_READONLY_DBMOVED'), 'AXL-STATE-MOVED'],
    [error('EACCES'), 'AXL-PERMISSION'],
    [error('EPERM'), 'AXL-PERMISSION'],
    [error('EMFILE', 'EMFILE: too many open files', { syscall: 'open' }), 'AXL-OPEN-FILES'],
    [error('EMFILE', 'EMFILE: too many open files', { syscall: 'watch' }), 'AXL-WATCH-INSTANCES'],
    [error('ENOSPC', 'ENOSPC: System limit reached', { syscall: 'watch' }), 'AXL-WATCH-LIMIT'],
    [error('EACCES', 'EACCES: permission denied', { syscall: 'watch' }), 'AXL-PERMISSION'],
    [new Error("inotify_add_watch on '/data' failed: No space left on device"), 'AXL-WATCH-LIMIT'],
    [new Error('Unable to initialize inotify: Too many open files'), 'AXL-WATCH-INSTANCES'],
    [error('SQLITE_CORRUPT'), 'AXL-STATE-CORRUPT'],
    [error('SQLITE_CORRUPT_INDEX'), 'AXL-STATE-CORRUPT'],
    [error('SQLITE_NOTADB'), 'AXL-STATE-CORRUPT'],
    [error('AXL-STATE-CORRUPT'), 'AXL-STATE-CORRUPT'],
    [error('SQLITE_IOERR_WRITE'), 'AXL-DISK-ERROR'],
    [error('EIO'), 'AXL-DISK-ERROR'],
    [error('SQLITE_CANTOPEN'), 'AXL-STATE-OPEN'],
    [error('SQLITE_BUSY_SNAPSHOT'), 'AXL-STATE-BUSY'],
    [error('ELOCKED'), 'AXL-LOCKED'],
    [error('SQLITE_NOMEM'), 'AXL-MEMORY'],
    [error('SQLITE_CONSTRAINT'), 'AXL-FAULT'],
    [error('__proto__'), 'AXL-FAULT'],
    [new TypeError('x is not a function'), 'AXL-FAULT'],
  ])('%s is %s', (thrown, code) => {
    const trouble = troubleOf(thrown);
    expect(trouble.code).toBe(code);
    expect(trouble.reason).toBe(thrown.message);
    expect(trouble.hint).toBe(TROUBLES[code as keyof typeof TROUBLES].hint);
  });

  it('keeps the code and the hint that an error brings', () => {
    const trouble = troubleOf(error('AXL-HUB-STATE', 'state.db is missing', { hint: 'put it back' }));
    expect(trouble).toMatchObject({ code: 'AXL-HUB-STATE', reason: 'state.db is missing', hint: 'put it back' });
  });

  it.each([undefined, null, 'words', 5, {}, { code: 5 }])('takes anything that can be thrown: %s', (thrown) => {
    expect(troubleOf(thrown)).toMatchObject({ code: 'AXL-FAULT', isFatal: false });
  });

  it('stops the daemon for a state database that is damaged or gone, and for nothing else', () => {
    const fatal = Object.keys(TROUBLES).filter((code) => troubleOf(error(code)).isFatal);
    expect(fatal).toEqual(['AXL-STATE-MOVED', 'AXL-STATE-CORRUPT']);
  });
});
