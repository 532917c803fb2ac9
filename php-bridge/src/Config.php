<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\BadConfig;

/** The configuration file's array, checked: see config.example.php for what each key says. */
final class Config
{
    private const PLACES = [__DIR__ . '/../config.php', '/etc/axle/php-bridge.php'];

    public readonly string $site;
    /** Absolute path of `userdata`. */
    public readonly string $userdata;
    public readonly string $sidecar;
    public readonly ?string $tokenFile;
    /** `all`, `credits`, `nothing`: what is written straight to the file while the sidecar is away. */
    public readonly string $withoutSidecar;
    /** `profile` (roflfaucet) or `user` (clickforcharity): the name under which a profile is answered. */
    public readonly string $envelope;
    /** `session` or `none`. */
    public readonly string $identity;
    public readonly ?string $jwtSecretFile;
    public readonly int $connectMs;
    public readonly int $answerMs;
    public readonly int $totalMs;

    /** @param array<string, mixed> $values throws BadConfig */
    public function __construct(array $values)
    {
        $this->site = self::text($values, 'site');
        $this->userdata = rtrim(self::text($values, 'userdata'), '/');
        $this->sidecar = self::text($values, 'sidecar', "unix:/run/axle/{$this->site}/sidecar.sock");
        $this->tokenFile = self::text($values, 'token_file', null);
        $this->withoutSidecar = self::oneOf($values, 'without_sidecar', ['all', 'credits', 'nothing']);
        $this->envelope = self::oneOf($values, 'envelope', ['profile', 'user']);
        $this->identity = self::oneOf($values, 'identity', ['session', 'none']);
        $this->jwtSecretFile = self::text($values, 'jwt_secret_file', null);
        $this->connectMs = self::milliseconds($values, 'connect_ms', 500);
        $this->answerMs = self::milliseconds($values, 'answer_ms', 2_500);
        $this->totalMs = self::milliseconds($values, 'total_ms', 6_000);
        if ($values !== []) {
            throw new BadConfig('unknown key ' . array_key_first($values));
        }
    }

    /** From the file that AXLE_BRIDGE_CONFIG names, from config.php in this package, or from /etc/axle/php-bridge.php. */
    public static function load(): self
    {
        $named = getenv('AXLE_BRIDGE_CONFIG') ?: ($_SERVER['AXLE_BRIDGE_CONFIG'] ?? null);
        foreach ($named === null ? self::PLACES : [$named] as $file) {
            if (is_file($file)) {
                $values = require $file;
                return new self(is_array($values) ? $values : throw new BadConfig("$file does not return an array"));
            }
        }
        throw new BadConfig('no configuration: copy config.example.php to config.php');
    }

    public function client(): Sidecar
    {
        // Read at every request, so that a token can be changed without a restart.
        $token = $this->tokenFile === null ? '' : trim((string) @file_get_contents($this->tokenFile));
        return new Sidecar($this->sidecar, $token, $this->connectMs, $this->answerMs, $this->totalMs);
    }

    /** Axle's own folder beside the documents. */
    public function own(): string
    {
        return "{$this->userdata}/.axle";
    }

    /** The live file of a document, `balances/1-andy`. */
    public function fileOf(string $document): string
    {
        return "{$this->userdata}/$document.txt";
    }

    private static function text(array &$values, string $key, ?string $default = ''): ?string
    {
        $value = $values[$key] ?? $default;
        unset($values[$key]);
        if (($value !== null && !is_string($value)) || $value === '') {
            throw new BadConfig("$key must be a text");
        }
        return $value;
    }

    private static function oneOf(array &$values, string $key, array $choices): string
    {
        $value = self::text($values, $key, $choices[0]);
        return in_array($value, $choices, true)
            ? $value
            : throw new BadConfig("$key must be one of " . implode(', ', $choices));
    }

    private static function milliseconds(array &$values, string $key, int $default): int
    {
        $value = $values[$key] ?? $default;
        unset($values[$key]);
        return is_int($value) && $value > 0 ? $value : throw new BadConfig("$key must be milliseconds");
    }
}
