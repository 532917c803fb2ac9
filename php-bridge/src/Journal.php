<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\NotWritten;
use Axle\Exception\OutcomeUnknown;
use Axle\Exception\Refused;

/**
 * What this machine has done about one idempotency key, so that a caller's retry in another process never pays a second
 * time by another way: neither by a file what the sidecar may have done, nor by the sidecar what was written to a file.
 * A file of its own in `userdata/.axle/bridge/<first two digits of the key's hash>/`, locked (flock) while anybody deals
 * with the key.
 *
 * States: `none`; `sent` (given to the sidecar, whatever it answered: it knows the key itself); `writing` (a temp file is
 * about to be brought into place); `written`. Records of what was sent are soon gathered, many in one file a day.
 */
final class Journal
{
    private const WAIT_S = 10.0;
    /** As long as the sidecar knows a key, and a day. */
    private const KEPT_S = 31 * 86_400;
    private const GATHER_AFTER_S = 600;
    private const GATHER_MAX = 200;
    private const GATHER_ONE_IN = 20;

    private bool $wasSent;

    /** @param resource $file */
    private function __construct(private readonly string $path, private $file, private array $record)
    {
        $this->wasSent = $record['state'] === 'sent';
    }

    /**
     * Waits for whoever deals with the same key. `$request`: what the key stands for; another request under a key that is
     * in use is Refused. Throws OutcomeUnknown where another does not finish with it, NotWritten.
     */
    public static function open(string $folder, string $key, string $request): self
    {
        $hash = hash('sha256', $key);
        $shard = "$folder/" . substr($hash, 0, 2);
        if (!is_dir($shard) && !@mkdir($shard, 0770, true) && !is_dir($shard)) {
            throw new NotWritten("cannot make $shard");
        }
        if (random_int(1, self::GATHER_ONE_IN) === 1) {
            self::gather($shard, time());
        }
        $file = self::locked("$shard/$hash");
        $text = (string) stream_get_contents($file);
        // Nobody asks again for so long: what is left of it is as good as gone.
        $text = time() - fstat($file)['mtime'] > self::KEPT_S ? '' : $text;
        $record = json_decode($text, true);
        // A record that a power cut has damaged may have said anything.
        $record = is_array($record) ? $record : ['request' => $request, 'state' => $text === '' ? 'none' : 'sent'];
        if ($record['request'] !== $request) {
            throw new Refused(422, 'idempotency_key_reused', 'this idempotency key belongs to another request');
        }
        $journal = new self("$shard/$hash", $file, $record);
        $journal->settle();
        return $journal;
    }

    /** Whether the sidecar may have carried the request out at an earlier call. */
    public function wasSent(): bool
    {
        return $this->wasSent = $this->wasSent || $this->isGathered();
    }

    /** The result that was written to the file under this key; null where none was. */
    public function written(): ?array
    {
        return $this->record['state'] === 'written' ? $this->record['result'] : null;
    }

    public function markSent(): void
    {
        if (!$this->wasSent) {
            $this->put(['state' => 'sent']);
        }
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

    /** Brings old records of what was sent into one file, and removes what is too old to matter. `$now`: for tests. */
    public static function gather(string $shard, int $now): void
    {
        $gathered = [];
        foreach (scandir($shard) ?: [] as $name) {
            $path = "$shard/$name";
            $age = $now - (int) @filemtime($path);
            if (!is_file($path) || $age < self::GATHER_AFTER_S || count($gathered) === self::GATHER_MAX) {
                continue;
            }
            if (str_starts_with($name, 'sent-')) {
                if ($age > self::KEPT_S) {
                    @unlink($path);
                }
                continue;
            }
            $file = @fopen($path, 'r');
            if ($file === false || !flock($file, LOCK_EX | LOCK_NB)) {
                continue;
            }
            $text = (string) stream_get_contents($file);
            $state = json_decode($text, true)['state'] ?? ($text === '' ? 'none' : 'sent');
            if ($state === 'sent') {
                $gathered[$name] = $file;
            } elseif ($state === 'none' || ($state === 'written' && $age > self::KEPT_S)) {
                @unlink($path);
            }
        }
        // Keys that are all digits come out of the array as integers.
        $names = array_map(strval(...), array_keys($gathered));
        if ($names !== [] && self::append("$shard/sent-" . gmdate('Y-m-d', $now), implode("\n", $names) . "\n")) {
            array_map(static fn (string $name): bool => @unlink("$shard/$name"), $names);
        }
    }

    private function isGathered(): bool
    {
        foreach (glob(dirname($this->path) . '/sent-*') ?: [] as $file) {
            if (str_contains((string) file_get_contents($file), basename($this->path))) {
                return true;
            }
        }
        return false;
    }

    private static function append(string $path, string $text): bool
    {
        $file = @fopen($path, 'a');
        return $file !== false && fwrite($file, $text) === strlen($text) && fflush($file) && fsync($file);
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
}
