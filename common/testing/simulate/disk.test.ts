/** The simulated disk loses what was not synced, in order, and nothing else. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Choices } from '../random.js';
import { Disk, type Node } from './disk.js';

let disk: Disk;
const OLD = Buffer.from('{"balance":100}');
const NEW = Buffer.from('{"balance":150}');

function put(name: string, data: Buffer): Node {
  const file = disk.make(false);
  disk.change({ folder: disk.root, name, to: file });
  disk.write(file, data);
  return file;
}

/** What stands under `name` after many power cuts, each of a disk made by `make`. */
function fates(name: string, make: () => void): Set<string> {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    disk = new Disk({ syncsNames: false }, () => 1_000);
    make();
    disk.cut(new Choices(seed, 'cut'));
    seen.add(disk.find([name])?.data.toString() ?? 'missing');
  }
  return seen;
}

beforeEach(() => {
  disk = new Disk({ syncsNames: false }, () => 1_000);
});

describe('a power cut', () => {
  it('keeps a file whose content and folder were synced', () => {
    const seen = fates('a', () => {
      disk.sync(put('a', OLD));
      disk.sync(disk.root);
    });
    expect([...seen]).toEqual([OLD.toString()]);
  });

  it('may lose a name whose folder was not synced', () => {
    expect(fates('a', () => disk.sync(put('a', OLD)))).toEqual(new Set(['missing', OLD.toString()]));
  });

  it('may leave the old content, nothing, or a part of what was truncated and written anew', () => {
    const seen = fates('a', () => {
      const file = put('a', OLD);
      disk.sync(file);
      disk.sync(disk.root);
      disk.write(file, Buffer.alloc(0), true);
      disk.write(file, NEW);
    });
    for (const content of [OLD.toString(), NEW.toString(), '']) expect(seen).toContain(content);
    expect([...seen].every((text) => text === OLD.toString() || NEW.toString().startsWith(text))).toBe(true);
  });

  it('shows the old file or the new one after a rename of a synced file, never neither', () => {
    const seen = fates('a', () => {
      put('a', OLD);
      const next = put('b', NEW);
      disk.syncAll();
      disk.change({ folder: disk.root, name: 'a', to: next }, { folder: disk.root, name: 'b', to: undefined });
    });
    expect(seen).toEqual(new Set([OLD.toString(), NEW.toString()]));
  });

  it('an image put back is as it was, and is not changed by what follows', () => {
    disk.sync(put('a', OLD));
    const image = disk.image();
    disk.write(disk.find(['a']) as Node, NEW);
    disk.restore(image);
    expect(disk.find(['a'])?.data.toString()).toBe(OLD.toString());
    disk.write(disk.find(['a']) as Node, NEW);
    disk.restore(image);
    expect(disk.find(['a'])?.data.toString()).toBe(OLD.toString());
  });
});
