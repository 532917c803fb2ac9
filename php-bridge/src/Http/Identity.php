<?php

declare(strict_types=1);

namespace Axle\Http;

use Axle\Config;
use Axle\Exception\Forbidden;

/**
 * Who is asking. `session`: the user for whom session-init.php has opened the session, asking from this site's own pages, and
 * nobody else, not even where another is named. `none`: whoever the request names, as the sites' scripts have long done;
 * anybody can then write anybody's balance.
 */
final class Identity
{
    private const LEEWAY_S = 30;

    /** The user that the request may write; null where nobody is known. `$named`: whom it names. Throws Forbidden. */
    public static function writer(Config $config, ?string $named): ?string
    {
        if ($config->identity === 'none') {
            self::warn("{$config->own()}/bridge/without-identity");
            return $named;
        }
        if (!isset($_COOKIE[session_name()])) {
            return null;
        }
        self::checkOrigin();
        // A form of another site's page, which sends the cookie along in older browsers, cannot be JSON.
        if (preg_match('~^application/json *(;|$)~i', $_SERVER['CONTENT_TYPE'] ?? '') !== 1) {
            throw new Forbidden('The content type must be application/json');
        }
        self::start();
        $user = $_SESSION['user_id'] ?? null;
        // Two requests of one session must not wait for each other.
        session_write_close();
        // A page that has changed hands since then must sign in, not earn for whoever was there before.
        $isMeant = is_string($user) && ($named === null || self::isNamed($user, $named));
        return $isMeant && ($_SESSION['authenticated'] ?? false) === true ? $user : null;
    }

    /** Throws Forbidden. */
    public static function open(string $user, string $username): void
    {
        self::checkOrigin();
        self::start();
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

    private static function start(): void
    {
        $isHttps = !in_array(strtolower($_SERVER['HTTPS'] ?? ''), ['', 'off'], true)
            || strtolower($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https';
        session_start([
            'cookie_httponly' => true,
            'cookie_samesite' => 'Lax',
            'cookie_secure' => $isHttps,
            'use_strict_mode' => true,
        ]);
    }

    /** A script on another site's page cannot hide where it is from. Throws Forbidden. */
    private static function checkOrigin(): void
    {
        $origin = $_SERVER['HTTP_ORIGIN'] ?? null;
        $bare = static fn (string $address): string =>
            (string) preg_replace(['~^https?://~', '~:(80|443)$~D'], '', strtolower(trim($address)));
        // A proxy may have put its own name for this host into Host. No browser lets a page set the other header.
        $hosts = [$_SERVER['HTTP_HOST'] ?? '', explode(',', $_SERVER['HTTP_X_FORWARDED_HOST'] ?? '')[0]];
        if ($origin !== null && !in_array($bare($origin), array_map($bare, array_filter($hosts)), true)) {
            throw new Forbidden('Not from a page of another site');
        }
    }

    /**
     * Pages name the user whole (`1-andy`), by the id (`1`) or by the user name (`andy`). What may be another user's id or
     * whole name is not the user name.
     */
    private static function isNamed(string $user, string $named): bool
    {
        [$id, $username] = explode('-', $user, 2) + ['', ''];
        return $named === $user || $named === $id || ($named === $username && preg_match('/^\d+(-|$)/D', $named) !== 1);
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
        $sub = $claims['sub'] ?? null;
        // An id never holds a dash: `1` with `x-y` and `1-x` with `y` must not be one user.
        $isId = (is_int($sub) || is_string($sub)) && preg_match('/^\d{1,18}$/D', (string) $sub) === 1;
        return $isCurrent && $isId && is_string($claims['username'] ?? null)
            ? ['sub' => (string) $sub, 'username' => $claims['username']]
            : null;
    }
}
