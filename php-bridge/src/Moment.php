<?php

declare(strict_types=1);

namespace Axle;

/** A time in the spelling that a file already uses. */
final class Moment
{
    /** `$old`: raw JSON text of the time that stood there; ISO text, a number in a string, milliseconds, or seconds. */
    public static function like(Json $json, JsonObject|array|string $old, int $seconds): string
    {
        $text = Json::stringOf($old);
        if ($text === null) {
            return (string) (is_string($old) && strlen($old) >= 13 && ctype_digit($old) ? $seconds * 1000 : $seconds);
        }
        return $json->scalar(match (true) {
            ctype_digit($text) => (string) $seconds,
            str_ends_with($text, 'Z') => gmdate(str_contains($text, '.') ? 'Y-m-d\TH:i:s.000\Z' : 'Y-m-d\TH:i:s\Z', $seconds),
            str_contains($text, 'T') => gmdate(DATE_ATOM, $seconds),
            default => gmdate('Y-m-d H:i:s', $seconds),
        });
    }
}
