<?php

declare(strict_types=1);

namespace Axle\Http;

use Axle\Config;

/**
 * Who is asking. `session`: the user for whom session-init.php has opened the session, and nobody else, not even where another is named. `none`: whoever the
 * request names, as the sites' scripts have long done; anybody can then write anybody's balance.
 */
final class Identity
{
    private const LEEWAY_S = 30;

    /** The user that the request may write; null where nobody is known. `$named`: whom it names. */
    public static function writer(Config $config, ?string $named): ?string
    {
        if ($config->identity === 'none') {
            self::warn("{$config->own()}/bridge/without-identity");
            return $named;
        }
        session_start();
        $user = $_SESSION['user_id'] ?? null;
        // Two requests of one session must not wait for each other.
        session_write_close();
        // A page that has changed hands since then must sign in, not earn for whoever was there before.
        $isNamed = $named === null || $named === $user;
        return is_string($user) && $isNamed && ($_SESSION['authenticated'] ?? false) === true ? $user : null;
    }

    public static function open(string $user, string $username): void
    {
        session_start();
        session_regenerate_id(true);
        $_SESSION = ['authenticated' => true, 'user_id' => $user, 'username' => $username];
        session_write_close();
    }

    /** Whether the auth server's token (Authorization, cookie `jwt`, or given) says that this is the user. */
    public static function isProven(Config $config, string $user, ?string $given): bool
    {
        $secret = trim((string) @file_get_contents((string) $config->jwtSecretFile));
        $header = $_SERVER['HTTP_AUTHORIZATION'] ?? $_SERVER['REDIRECT_HTTP_AUTHORIZATION'] ?? '';
        $bearer = preg_match('/^Bearer\s+(\S+)$/i', $header, $part) === 1 ? $part[1] : null;
        $token = $bearer ?? $given ?? $_COOKIE['jwt'] ?? '';
        $claims = $secret === '' || !is_string($token) ? null : self::claims($token, $secret);
        return $claims !== null && "{$claims['sub']}-{$claims['username']}" === $user;
    }

    /** Once an hour, as the marker file remembers. */
    private static function warn(string $marker): void
    {
        clearstatcache(true, $marker);
        if (time() - (int) @filemtime($marker) >= 3600) {
            @touch($marker);
            error_log('axle: WITHOUT identity: anybody who reaches these pages writes any balance; set identity to session');
        }
    }

    /** @return array{sub: string, username: string}|null null: not signed with the secret, or out of date */
    private static function claims(string $token, string $secret): ?array
    {
        $parts = explode('.', $token);
        if (count($parts) !== 3) {
            return null;
        }
        [$head, $claims, $signature] = array_map(
            static fn (string $part): string => (string) base64_decode(strtr($part, '-_', '+/'), true),
            $parts,
        );
        $expected = hash_hmac('sha256', "$parts[0].$parts[1]", $secret, true);
        $head = json_decode($head, true);
        if (!hash_equals($expected, $signature) || !is_array($head) || ($head['alg'] ?? null) !== 'HS256') {
            return null;
        }
        $claims = json_decode($claims, true);
        $isCurrent = is_int($claims['exp'] ?? null) && $claims['exp'] > time() - self::LEEWAY_S;
        $hasNames = is_scalar($claims['sub'] ?? null) && is_string($claims['username'] ?? null);
        return $isCurrent && $hasNames ? ['sub' => (string) $claims['sub'], 'username' => $claims['username']] : null;
    }
}
