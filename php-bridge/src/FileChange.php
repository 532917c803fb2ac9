<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\NotWritten;

/** Reads a document, changes it and writes it back, under the lock that all cooperating writers share. */
final class FileChange
{
    /** A writer without the lock may come between reading and replacing; then it is all done again. */
    private const TRIES = 20;
    /** A file that is missing for a moment is one that somebody saves by renaming. */
    private const ABSENCE_LOOKS = 6;
    private const ABSENCE_PAUSE_US = 50_000;
    private const SWEEP_ONE_IN = 20;

    public function __construct(private readonly Config $config, private readonly string $document)
    {
    }

    /**
     * `$edit` gets what `$parse` made of the file (null: there is none) and returns the next text (null: leave it) and the
     * result, which `$journal` keeps. Throws Unreadable, NotWritten, and what `$edit` throws.
     *
     * @template T
     * @template R
     * @param callable(string): T $parse
     * @param callable(T|null): array{string|null, R} $edit
     * @return R
     */
    public function run(callable $parse, callable $edit, ?Journal $journal = null): mixed
    {
        if (random_int(1, self::SWEEP_ONE_IN) === 1) {
            LiveFile::sweep(dirname($this->config->fileOf($this->document)), time());
        }
        $lock = Lock::take($this->config->own(), $this->document);
        try {
            for ($try = 1; $try <= self::TRIES; $try++) {
                $file = $this->read($parse);
                [$text, $result] = $edit($file->content);
                if ($text === null || $this->replace($file, $text, $lock, $result, $journal)) {
                    $this->note($journal, $result);
                    return $result;
                }
            }
        } finally {
            $lock->release();
        }
        throw new NotWritten("{$this->document} is written all the time by somebody who takes no lock");
    }

    private function read(callable $parse): LiveFile
    {
        $path = $this->config->fileOf($this->document);
        for ($look = 1; ; $look++) {
            $file = LiveFile::read($path, $parse);
            if ($file->content !== null || $look === self::ABSENCE_LOOKS) {
                return $file;
            }
            usleep(self::ABSENCE_PAUSE_US);
        }
    }

    /** Returns false where the file is not the one any more that was read: nothing was written. */
    private function replace(LiveFile $file, string $text, Lock $lock, mixed $result, ?Journal $journal): bool
    {
        $temp = $file->prepare($text);
        $isDone = false;
        try {
            $journal?->markWriting($temp, $result->record());
            $lock->hold();
            if ($file->isCurrent()) {
                $file->commit($temp);
                $isDone = true;
            }
            return $isDone;
        } finally {
            // In this order: a temp file that is gone says that it was brought into place.
            if (!$isDone) {
                $journal?->markNone();
                @unlink($temp);
            }
        }
    }

    private function note(?Journal $journal, mixed $result): void
    {
        try {
            $journal?->markWritten($result->record());
        } catch (NotWritten) {
            // It is in place, and the record that announced it says so too.
        }
    }
}
