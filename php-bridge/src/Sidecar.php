<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\InsufficientFunds;
use Axle\Exception\NotReached;
use Axle\Exception\OutcomeUnknown;
use Axle\Exception\Refused;

/**
 * The sidecar's HTTP interface, over its unix socket (`unix:/run/axle/roflfaucet/sidecar.sock`) or TCP
 * (`http://127.0.0.1:8787`). A request is sent again, byte by byte the same, until it is answered or its time is over:
 * changes carry a key, so that the sidecar carries them out once.
 */
final class Sidecar
{
    private const PAUSE_MS = 50;
    /** Answers that say that this very request has not been and will not be carried out, whatever became of an earlier try. */
    private const FINAL = [400, 404, 409, 413, 415, 422];
    /** Answers that say that it has not been carried out now. */
    private const LATER = [429, 503];
    /** Answers that concern this try alone. */
    private const REFUSED = [401, 403];

    public function __construct(
        private readonly string $address,
        private readonly string $token,
        private readonly int $connectMs = 500,
        private readonly int $answerMs = 2_500,
        private readonly int $totalMs = 6_000,
    ) {
    }

    /**
     * The answer to a request that was carried out.
     *
     * Throws NotReached (certainly nothing of any try was sent), Refused and InsufficientFunds (certainly not carried out),
     * OutcomeUnknown (everything else: it may have been carried out).
     *
     * @param array<string, mixed>|object|null $body
     * @param list<string> $headers
     * @return array<string, mixed> objects in it as \stdClass: an empty one must stay one
     */
    public function ask(string $method, string $path, array|object|null $body = null, array $headers = []): array
    {
        $until = microtime(true) + $this->totalMs / 1000;
        $isUnknown = false;
        for ($try = 1; ; $try++) {
            $pauseMs = self::PAUSE_MS * $try * (1 + mt_rand() / mt_getrandmax());
            try {
                [$status, $answer, $retryAfterS] = $this->exchange($method, $path, $body, $headers, $until);
                if ($status >= 200 && $status < 300 && $answer !== null) {
                    return $answer;
                }
                $error = self::errorOf($status, $answer, $retryAfterS);
                $isSidecars = is_string($answer['error']->code ?? null);
                if ($isSidecars && in_array($status, self::FINAL, true)) {
                    throw $error;
                }
                if ($isSidecars && in_array($status, self::REFUSED, true)) {
                    break;
                }
                // A proxy's own 503 says nothing of what became of the request.
                $isUnknown = $isUnknown || !$isSidecars || !in_array($status, self::LATER, true);
                $pauseMs = max($pauseMs, 1000 * ($retryAfterS ?? 0));
            } catch (NotReached $error) {
                // Nobody is there: what to do is the caller's choice, unless something was sent before.
                if (!$isUnknown) {
                    throw $error;
                }
            } catch (OutcomeUnknown $error) {
                $isUnknown = true;
            }
            // Who only reads has the file.
            if ($method === 'GET' || microtime(true) + $pauseMs / 1000 >= $until) {
                break;
            }
            usleep((int) ($pauseMs * 1000));
        }
        throw $isUnknown ? new OutcomeUnknown("sent, and not answered: {$error->getMessage()}", 0, $error) : $error;
    }

    /**
     * One try.
     *
     * @return array{int, array<string, mixed>|null, int|null} status, body (null: not JSON), Retry-After in seconds
     */
    private function exchange(string $method, string $path, array|object|null $body, array $headers, float $until): array
    {
        $isUnix = str_starts_with($this->address, 'unix:');
        $leftMs = max(1, (int) (($until - microtime(true)) * 1000));
        $retryAfterS = null;
        $curl = curl_init(($isUnix ? 'http://localhost' : rtrim($this->address, '/')) . $path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_PROXY => '',
            // Whole milliseconds below a second need this where the resolver uses signals.
            CURLOPT_NOSIGNAL => true,
            CURLOPT_CONNECTTIMEOUT_MS => min($this->connectMs, $leftMs),
            CURLOPT_TIMEOUT_MS => min($this->answerMs, $leftMs),
            CURLOPT_HEADERFUNCTION => static function ($_, string $line) use (&$retryAfterS): int {
                if (preg_match('/^retry-after:\s*(\d{1,6})\s*$/i', $line, $part) === 1) {
                    $retryAfterS = (int) $part[1];
                }
                return strlen($line);
            },
        ]);
        if ($isUnix) {
            curl_setopt($curl, CURLOPT_UNIX_SOCKET_PATH, substr($this->address, 5));
        }
        if ($body !== null) {
            curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body, JSON_THROW_ON_ERROR));
            $headers = [...$headers, 'Content-Type: application/json', 'Expect:'];
        }
        curl_setopt($curl, CURLOPT_HTTPHEADER, ["Authorization: Bearer {$this->token}", 'Accept: application/json', ...$headers]);
        $text = curl_exec($curl);
        if ($text === false) {
            throw self::failure($curl);
        }
        $answer = json_decode($text, false, 64, JSON_BIGINT_AS_STRING);
        $members = $answer instanceof \stdClass ? get_object_vars($answer) : null;
        return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $members, $retryAfterS];
    }

    /** Only where no connection came about is it certain that nothing was sent. */
    private static function failure(\CurlHandle $curl): NotReached|OutcomeUnknown
    {
        $isNeverConnected = in_array(curl_errno($curl), [CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST], true)
            || (curl_errno($curl) === CURLE_OPERATION_TIMEDOUT && curl_getinfo($curl, CURLINFO_PRETRANSFER_TIME_T) === 0);
        $isUnsent = $isNeverConnected && curl_getinfo($curl, CURLINFO_REQUEST_SIZE) === 0;
        return $isUnsent ? new NotReached(curl_error($curl)) : new OutcomeUnknown(curl_error($curl));
    }

    private static function errorOf(int $status, ?array $answer, ?int $retryAfterS): Refused|InsufficientFunds
    {
        $error = ($answer['error'] ?? null) instanceof \stdClass ? $answer['error'] : new \stdClass();
        $code = is_string($error->code ?? null) ? $error->code : 'unexpected_answer';
        $balance = $code === 'insufficient_funds' && is_scalar($error->balance ?? null)
            ? Amount::parse((string) $error->balance)
            : null;
        if ($balance !== null) {
            return new InsufficientFunds($balance);
        }
        $message = is_string($error->message ?? null) ? $error->message : "the sidecar answered $status";
        return new Refused($status, $code, $message, $retryAfterS);
    }
}
