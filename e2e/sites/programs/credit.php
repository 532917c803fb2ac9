<?php
/**
 * The writer of credit.mjs in PHP, from the words of the lock protocol alone: a folder made by mkdir, one of sixteen,
 * stale once it was watched for ten seconds without being renewed.
 *
 *   php credit.php USERDATA DOCUMENT COUNT AMOUNT PAUSE_MS
 */
declare(strict_types=1);

const STALE_S = 10;

function lock(string $userdata, string $document): string
{
    $lock = "$userdata/.axle/locks/" . hash('sha256', $document)[0] . '.lock';
    $seen = null;
    $since = 0.0;
    while (!@mkdir($lock)) {
        clearstatcache(true, $lock);
        $stat = @stat($lock);
        $print = $stat === false ? null : [$stat['ino'], $stat['mtime']];
        if ($print === null || $print !== $seen) {
            [$seen, $since] = [$print, hrtime(true)];
        } elseif (hrtime(true) - $since > STALE_S * 1e9) {
            @rmdir($lock);
        }
        usleep(random_int(500, 3000));
    }
    return $lock;
}

[, $userdata, $document, $count, $amount, $pauseMs] = $argv;
$file = "$userdata/$document.txt";
for ($n = 0; $n < (int) $count; $n++) {
    $lock = lock($userdata, $document);
    $content = json_decode(file_get_contents($file), true, 512, JSON_THROW_ON_ERROR);
    $content['balance'] += (int) $amount;
    file_put_contents($file, json_encode($content, JSON_PRETTY_PRINT | JSON_THROW_ON_ERROR));
    rmdir($lock);
    usleep((int) $pauseMs * 1000);
}
