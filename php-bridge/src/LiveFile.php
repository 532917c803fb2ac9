<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\NotWritten;
use Axle\Exception\Unreadable;

/**
 * One live file of a site: read as a whole, replaced as a whole.
 *
 * @template T
 */
final class LiveFile
{
    private const BYTES_MAX = 1_048_576;
    /** A plain write truncates first: what does not parse is looked at again, a tenth of a second in all. */
    private const LOOKS = 6;
    private const PAUSE_US = 20_000;
    /** A day more than a key is known: until then a temp file that is gone says that it was brought into place. */
    private const LEFTOVER_S = 32 * 86_400;
    private const SWEEP_NAMES_MAX = 20_000;
    private const SWEEP_FILES_MAX = 100;
    /** As the daemon gives a new file; owner and group are the folder's. */
    private const MODE_OF_NEW = 0664;

    /**
     * @param T $content
     * @param array<int|string, int>|null $stat of the file that the content was read from; null where there was none
     */
    private function __construct(
        public readonly string $path,
        public readonly mixed $content,
        private readonly ?array $stat,
        private readonly string $text = '',
    ) {
    }

    /**
     * @param callable(string): T $parse throws Unreadable
     * @return self<T|null> content null: there is no such file, which is not the same as a balance of 0
     */
    public static function read(string $path, callable $parse): self
    {
        for ($look = 1; ; $look++) {
            try {
                return self::readOnce($path, $parse);
            } catch (Unreadable $error) {
                if ($look === self::LOOKS) {
                    throw new Unreadable("$path: {$error->getMessage()}", 0, $error);
                }
                usleep(self::PAUSE_US);
            }
        }
    }

    /** Whether the file is still the one that was read, for the sake of writers who take no lock. Throws Unreadable. */
    public function isCurrent(): bool
    {
        if (self::identity(self::look($this->path)) !== self::identity($this->stat)) {
            return false;
        }
        // PHP sees times in whole seconds only.
        return $this->stat === null || @file_get_contents($this->path) === $this->text;
    }

    /**
     * Writes the next content beside the file, to disk, under a name that Axle ignores. Returns that temp file; `commit`
     * brings it into place.
     */
    public function prepare(string $text): string
    {
        $temp = dirname($this->path) . '/.' . basename($this->path) . '.' . bin2hex(random_bytes(8)) . '.axle-tmp';
        $file = @fopen($temp, 'x') ?: throw new NotWritten("cannot write to " . dirname($this->path) . self::why());
        $like = $this->stat ?? ['mode' => self::MODE_OF_NEW] + stat(dirname($this->path));
        $isDone = fwrite($file, $text) === strlen($text) && fflush($file) && chmod($temp, $like['mode'] & 07777);
        // Only root may give a file away; a group we are a member of may be given by everybody.
        if ($like['uid'] !== fileowner($temp)) {
            @chown($temp, $like['uid']);
        }
        if ($like['gid'] !== filegroup($temp)) {
            @chgrp($temp, $like['gid']);
        }
        if (!$isDone || !fsync($file) || !self::syncFolder($temp)) {
            $why = self::why();
            @unlink($temp);
            throw new NotWritten("cannot write $temp$why");
        }
        fclose($file);
        return $temp;
    }

    /** Replaces the file by the prepared one; a file that was not there never replaces one that appeared. */
    public function commit(string $temp): void
    {
        if (!($this->stat === null ? @link($temp, $this->path) : @rename($temp, $this->path))) {
            throw new NotWritten("cannot replace {$this->path}" . self::why());
        }
        if ($this->stat === null) {
            @unlink($temp);
        }
        self::syncFolder($this->path);
    }

    /** Whether a prepared file was brought into place by a process that did not live to say so. Throws Unreadable. */
    public static function wasCommitted(string $temp): bool
    {
        $stat = self::look($temp);
        return $stat === null || $stat['nlink'] > 1;
    }

    /** Removes what processes that were killed had prepared in a folder, a little at a time. `$now`: for tests. */
    public static function sweep(string $folder, int $now): void
    {
        $names = @opendir($folder);
        $removed = 0;
        for ($i = 0; $names !== false && $i < self::SWEEP_NAMES_MAX && $removed < self::SWEEP_FILES_MAX; $i++) {
            $name = readdir($names);
            if ($name === false) {
                return;
            }
            $isPrepared = $name[0] === '.' && str_ends_with($name, '.axle-tmp');
            if ($isPrepared && $now - (int) (@filemtime("$folder/$name") ?: $now) > self::LEFTOVER_S && @unlink("$folder/$name")) {
                $removed++;
            }
        }
    }

    private static function readOnce(string $path, callable $parse): self
    {
        $stat = self::look($path);
        if ($stat === null) {
            return new self($path, null, null);
        }
        if (($stat['mode'] & 0170000) !== 0100000) {
            throw new Unreadable('not a regular file');
        }
        if ($stat['size'] > self::BYTES_MAX) {
            throw new Unreadable('too large');
        }
        $text = @file_get_contents($path);
        if ($text === false) {
            throw new Unreadable('cannot be read' . self::why());
        }
        $content = $parse($text);
        // Of a file that was written to meanwhile it is not known which state was read.
        if (self::identity(self::look($path)) !== self::identity($stat)) {
            throw new Unreadable('changes while it is read');
        }
        return new self($path, $content, $stat, $text);
    }

    /** Null where there is no such file. Throws Unreadable where that cannot be known: the folder is away, or closed to us. */
    private static function look(string $path): ?array
    {
        clearstatcache(true, $path);
        $stat = @lstat($path) ?: null;
        $folder = dirname($path);
        if ($stat === null && !(is_dir($folder) && is_executable($folder))) {
            throw new Unreadable("$folder cannot be reached");
        }
        return $stat;
    }

    private static function identity(?array $stat): ?array
    {
        return $stat === null ? null : [$stat['dev'], $stat['ino'], $stat['size'], $stat['mtime'], $stat['ctime']];
    }

    private static function syncFolder(string $path): bool
    {
        $folder = @fopen(dirname($path), 'r');
        return $folder !== false && @fsync($folder);
    }

    private static function why(): string
    {
        $error = error_get_last();
        return $error === null ? '' : ": {$error['message']}";
    }
}
