<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\NotWritten;
use Axle\Exception\OutcomeUnknown;
use Axle\Exception\Refused;

/**
 * What this machine has done about one idempotency key, so that a caller's retry in another process never pays a second
 * time by another way: neither by a file what the sidecar may have done, nor by the sidecar what was written to a file.
 * A file of its own in `userdata/.axle/bridge`, locked (flock) while anybody deals with the key.
 *
 * States: none; `sent` (given to the sidecar, no answer yet); `writing` (a temp file is about to be brought into place);
 * `written`. What the sidecar has answered is forgotten here: it knows the key for 30 days itself.
 */
final class Journal
{
    private const WAIT_S = 10.0;
    private const KEPT_S = 30 * 86_400;
    private const SWEEP_ONE_IN = 500;

    /** @param resource $file */
    private function __construct(private readonly string $path, private $file, private array $record)
    {
    }

    /**
     * Waits for whoever deals with the same key. `$request`: what the key stands for; another request under a key that is
     * in use is Refused. Throws OutcomeUnknown where another does not finish with it, NotWritten.
     */
    public static function open(string $folder, string $key, string $request): self
    {
        if (!is_dir($folder) && !@mkdir($folder, 0770, true) && !is_dir($folder)) {
            throw new NotWritten("cannot make $folder");
        }
        if (random_int(1, self::SWEEP_ONE_IN) === 1) {
            self::sweep($folder);
        }
        $path = "$folder/" . hash('sha256', $key);
        $journal = new self($path, self::locked($path), []);
        $text = (string) stream_get_contents($journal->file);
        $record = json_decode($text, true);
        // A record that a power cut has damaged may have said anything.
        $journal->record = is_array($record) ? $record : ['request' => $request, 'state' => $text === '' ? 'none' : 'sent'];
        if ($journal->record['request'] !== $request) {
            throw new Refused(422, 'idempotency_key_reused', 'this idempotency key belongs to another request');
        }
        $journal->settle();
        return $journal;
    }

    /** Whether the sidecar may have carried the request out. */
    public function wasSent(): bool
    {
        return $this->record['state'] === 'sent';
    }

    /** The result that was written to the file under this key; null where none was. */
    public function written(): ?array
    {
        return $this->record['state'] === 'written' ? $this->record['result'] : null;
    }

    public function markSent(): void
    {
        $this->put(['state' => 'sent']);
    }

    /** Nothing has happened under this key, and it is certain. */
    public function markNone(): void
    {
        $this->put(['state' => 'none']);
    }

    public function markWriting(string $temp, array $result): void
    {
        $this->put(['state' => 'writing', 'temp' => $temp, 'result' => $result]);
    }

    public function markWritten(array $result): void
    {
        $this->put(['state' => 'written', 'result' => $result]);
    }

    /** The sidecar has answered. */
    public function forget(): void
    {
        @unlink($this->path);
    }

    /** A process died between announcing a write and saying that it was done: the temp file tells. */
    private function settle(): void
    {
        if ($this->record['state'] !== 'writing') {
            return;
        }
        $temp = $this->record['temp'];
        if (LiveFile::wasCommitted($temp)) {
            $this->markWritten($this->record['result']);
        } else {
            $this->markNone();
        }
        @unlink($temp);
    }

    private function put(array $change): void
    {
        $this->record = ['request' => $this->record['request']] + $change;
        // The old record is shorter or longer: padded with spaces, it is replaced in one write.
        $text = json_encode($this->record, JSON_THROW_ON_ERROR);
        $size = fstat($this->file)['size'];
        $isDone = rewind($this->file) && fwrite($this->file, str_pad($text, $size)) !== false && fflush($this->file);
        if (!$isDone || !fsync($this->file)) {
            throw new NotWritten("cannot write {$this->path}");
        }
    }

    /** @return resource */
    private static function locked(string $path)
    {
        $until = microtime(true) + self::WAIT_S;
        while (microtime(true) < $until) {
            $file = @fopen($path, 'c+') ?: throw new NotWritten("cannot write $path");
            if (flock($file, LOCK_EX | LOCK_NB)) {
                clearstatcache(true, $path);
                // Whoever had it before may have removed it.
                if (@fileinode($path) === fstat($file)['ino']) {
                    return $file;
                }
            }
            fclose($file);
            usleep(5_000);
        }
        throw new OutcomeUnknown('another request with this idempotency key has not ended yet');
    }

    private static function sweep(string $folder): void
    {
        foreach (scandir($folder) ?: [] as $name) {
            if ($name[0] !== '.' && time() - (int) @filemtime("$folder/$name") > self::KEPT_S) {
                @unlink("$folder/$name");
            }
        }
    }
}
