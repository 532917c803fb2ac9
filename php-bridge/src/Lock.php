<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\NotWritten;

/**
 * The lock that all cooperating writers share (FILE_SYNC_STRATEGY.md, section 5): the folder
 * `userdata/.axle/locks/<d>.lock`, `<d>` the first hexadecimal digit of the SHA-256 of the document's name.
 *
 * A lock is of the dead once it was watched for ten seconds without being renewed; its age alone proves nothing, because a
 * clock that is set makes the lock of the living old at once.
 *
 * Taking over from the dead has a race in such a protocol: two that wait both find it abandoned, one removes it and makes
 * its own, and the other removes that one. Among PHP processes an flock on the folder of locks allows one take-over at a
 * time. A writer in another language may still remove a fresh lock, so each lock carries a mark by which its holder knows
 * whether it is still its own: after a take-over, when such removals have had their time, and before each file is replaced.
 */
final class Lock
{
    public const STALE_S = 10;
    private const RENEW_S = 4.0;
    private const WAIT_MIN_US = 1_000;
    private const WAIT_MAX_US = 25_000;
    private const SETTLE_US = 100_000;

    private float $renewed = 0.0;
    /** What the lock of another looked like when it was last seen changed, and when that was, in nanoseconds. */
    private ?array $seen = null;
    private int $since = 0;

    private function __construct(
        private readonly string $folder,
        private readonly int $mark,
        private readonly float $staleS,
    ) {
    }

    /** Waits up to `$waitS` seconds; throws NotWritten. `$own` is `userdata/.axle`. */
    public static function take(string $own, string $document, float $waitS = 20.0, float $staleS = self::STALE_S): self
    {
        $locks = "$own/locks";
        if (!is_dir($locks)) {
            throw new NotWritten("$locks is missing: Axle makes it when it first starts on this machine");
        }
        // An access time in the future is a mark that nothing else sets and that reading the folder does not change.
        $mark = time() + 86_400 + random_int(0, 2 ** 28);
        $lock = new self("$locks/" . self::digit($document) . '.lock', $mark, $staleS);
        $until = microtime(true) + $waitS;
        for ($wait = self::WAIT_MIN_US; !$lock->make() && !$lock->takeOver(); $wait = min($wait * 2, self::WAIT_MAX_US)) {
            if (microtime(true) > $until) {
                throw new NotWritten("{$lock->folder} is held by somebody who does not let go");
            }
            usleep(random_int((int) ($wait * 0.67), (int) ($wait * 1.33)));
        }
        return $lock;
    }

    public static function digit(string $document): string
    {
        return hash('sha256', $document)[0];
    }

    /** Renews the lock where it is time. Throws NotWritten where it is not ours any more. */
    public function hold(): void
    {
        if (!$this->isOurs()) {
            throw new NotWritten("{$this->folder} was taken over by somebody else");
        }
        if (microtime(true) - $this->renewed > self::RENEW_S) {
            $this->renew();
        }
    }

    public function release(): void
    {
        if ($this->isOurs()) {
            @rmdir($this->folder);
        }
    }

    private function make(): bool
    {
        if (@mkdir($this->folder, 0775)) {
            $this->renew();
            return true;
        }
        if (!file_exists($this->folder) && !is_writable(dirname($this->folder))) {
            throw new NotWritten(dirname($this->folder) . ' is not writable for this user');
        }
        return false;
    }

    private function takeOver(): bool
    {
        if (!$this->isAbandoned()) {
            return false;
        }
        $guard = @fopen(dirname($this->folder), 'r');
        if ($guard === false || !flock($guard, LOCK_EX | LOCK_NB)) {
            return false;
        }
        // Looked at again now that nobody else in PHP takes over, and once more when it is out of everybody's way.
        $aside = $this->folder . '.' . bin2hex(random_bytes(6));
        if (self::printOf($this->folder) !== $this->seen || !@rename($this->folder, $aside)) {
            return false;
        }
        if (self::printOf($aside) !== $this->seen) {
            @rename($aside, $this->folder);
            return false;
        }
        @rmdir($aside);
        if (!$this->make()) {
            return false;
        }
        flock($guard, LOCK_UN);
        usleep(self::SETTLE_US);
        return $this->isOurs();
    }

    /** Whether this lock was watched for long enough without being renewed, or taken by somebody else. */
    private function isAbandoned(): bool
    {
        $print = self::printOf($this->folder);
        if ($print === null || $print !== $this->seen) {
            $this->seen = $print;
            $this->since = hrtime(true);
            return false;
        }
        return hrtime(true) - $this->since > $this->staleS * 1e9;
    }

    private static function printOf(string $folder): ?array
    {
        clearstatcache(true, $folder);
        $stat = @stat($folder);
        return $stat === false ? null : [$stat['ino'], $stat['mtime']];
    }

    private function isOurs(): bool
    {
        clearstatcache(true, $this->folder);
        return @fileatime($this->folder) === $this->mark;
    }

    private function renew(): void
    {
        @touch($this->folder, time(), $this->mark);
        $this->renewed = microtime(true);
    }
}
