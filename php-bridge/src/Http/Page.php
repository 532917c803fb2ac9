<?php

declare(strict_types=1);

namespace Axle\Http;

use Axle\Amount;
use Axle\Config;
use Axle\Exception\BadConfig;
use Axle\Exception\BadInput;
use Axle\Exception\Forbidden;
use Axle\Exception\InsufficientFunds;
use Axle\Exception\NotReached;
use Axle\Exception\NotWritten;
use Axle\Exception\OutcomeUnknown;
use Axle\Exception\Refused;
use Axle\Exception\Unreadable;
use Axle\Json;
use Axle\JsonObject;
use Axle\UserName;

/** One request to a drop-in endpoint, and its answer in JSON. */
final class Page
{
    private const BODY_BYTES_MAX = 65_536;
    /** An id and a user name as the client, the sidecar and the auth server's tokens have them: `1-andy`. */
    private const USER = '/^\d{1,18}-[A-Za-z0-9._-]{1,100}$/D';

    private ?Json $body = null;

    private function __construct(public readonly Config $config, public readonly string $method)
    {
    }

    /**
     * @param list<string> $methods
     * @param callable(self): array{int, array<string, mixed>} $handle returns status and answer
     * @param string $failure what a failure is called in the answer
     */
    public static function serve(array $methods, string $failure, callable $handle): void
    {
        // A reader who leaves must not leave a change half done.
        ignore_user_abort(true);
        // What PHP complains of is for the log: before the answer it would show paths, and spoil it.
        ini_set('display_errors', '0');
        header('Content-Type: application/json');
        header('Cache-Control: no-store');
        header('Access-Control-Allow-Origin: *');
        header('Access-Control-Allow-Methods: ' . implode(', ', $methods) . ', OPTIONS');
        header('Access-Control-Allow-Headers: Content-Type, Authorization, Idempotency-Key');
        $method = $_SERVER['REQUEST_METHOD'];
        if ($method === 'OPTIONS') {
            return;
        }
        try {
            [$status, $answer] = in_array($method, $methods, true)
                ? $handle(new self(Config::load(), $method))
                : [405, ['success' => false, 'error' => 'Method not allowed']];
        } catch (\Throwable $error) {
            [$status, $answer] = self::failed($error, $failure);
        }
        http_response_code($status);
        echo self::encode($answer);
    }

    /** A member of the JSON body as its raw text; null where there is none. Throws BadInput where the body is no object. */
    public function raw(string $key): ?string
    {
        $node = $this->object()->members[$key] ?? null;
        return is_string($node) && $node !== 'null' ? $node : null;
    }

    /** A text member of the JSON body. */
    public function text(string $key): ?string
    {
        return Json::stringOf($this->object()->members[$key] ?? null);
    }

    /** The user that the JSON body names, in whatever way; null where it names none. Throws BadInput. */
    public function named(): ?string
    {
        $node = $this->object()->members['user_id'] ?? 'null';
        if (!is_string($node)) {
            throw new BadInput('Invalid user_id format (expected: id-username)');
        }
        return Json::stringOf($node) ?? ($node === 'null' ? null : $node);
    }

    /** The members of the JSON body; objects in it as \stdClass, because an empty one is no list. */
    public function input(): array
    {
        $this->object();
        return get_object_vars(json_decode($this->body->text()));
    }

    /** The given name if it can be a user's. Throws BadInput. */
    public static function user(?string $user): string
    {
        if ($user === null || preg_match(self::USER, $user) !== 1) {
            throw new BadInput('Invalid user_id format (expected: id-username)');
        }
        return UserName::check($user);
    }

    /** The given source as the sidecar takes it: the sites' scripts took any text. */
    public static function source(?string $text): string
    {
        $word = substr(trim((string) preg_replace('/[^A-Za-z0-9_.:-]+/', '_', $text ?? ''), '_.:-'), 0, 64);
        return $word === '' ? 'unknown' : $word;
    }

    /** The given text cut to what a description may hold. */
    public static function description(?string $text): string
    {
        return preg_match('/^.{0,200}/su', $text ?? '', $part) === 1 ? $part[0] : '';
    }

    /** A text of the query string. */
    public static function query(string $key): ?string
    {
        $value = $_GET[$key] ?? null;
        return is_string($value) && $value !== '' ? $value : null;
    }

    private function object(): JsonObject
    {
        $text = (string) file_get_contents('php://input', false, null, 0, self::BODY_BYTES_MAX + 1);
        try {
            $this->body ??= strlen($text) > self::BODY_BYTES_MAX ? null : Json::parse($text);
        } catch (Unreadable) {
        }
        return $this->body?->root instanceof JsonObject ? $this->body->root : throw new BadInput('A JSON object is expected');
    }

    /** @return array{int, array<string, mixed>} */
    private static function failed(\Throwable $error, string $failure): array
    {
        if ($error instanceof BadInput) {
            return [400, ['success' => false, 'error' => $error->getMessage()]];
        }
        if ($error instanceof Forbidden) {
            return [403, ['success' => false, 'error' => $error->getMessage()]];
        }
        if ($error instanceof InsufficientFunds) {
            return [409, ['success' => false, 'error' => 'Insufficient balance', 'balance' => $error->balance]];
        }
        error_log('axle: ' . $error::class . ': ' . $error->getMessage());
        if ($error instanceof Refused && $error->retryAfterS !== null) {
            header("Retry-After: {$error->retryAfterS}");
        }
        $status = $error instanceof Refused && in_array($error->status, [400, 422, 429, 503], true) ? $error->status : 500;
        // Paths and the like are for the log alone.
        $details = match (true) {
            $error instanceof OutcomeUnknown => 'outcome unknown: try again with the same idempotency key',
            $error instanceof NotReached => 'the sidecar is away',
            $error instanceof Refused => $error->reason,
            $error instanceof Unreadable => 'the file cannot be read',
            $error instanceof NotWritten => 'the file cannot be written',
            $error instanceof BadConfig => 'configuration',
            default => 'internal error',
        };
        return [$status, ['success' => false, 'error' => $failure, 'details' => $details]];
    }

    /** Amounts as exact JSON numbers. */
    private static function encode(array $answer): string
    {
        $parts = [];
        foreach ($answer as $key => $value) {
            $text = $value instanceof Amount ? (string) $value : json_encode($value, JSON_PARTIAL_OUTPUT_ON_ERROR);
            $parts[] = json_encode((string) $key) . ':' . $text;
        }
        return '{' . implode(',', $parts) . '}';
    }
}
