<?php

declare(strict_types=1);

namespace Axle;

use Axle\Exception\BadInput;

/** Which names can be a user's document (`1-andy`): the daemon's own rule, so that no name climbs out of its folder. */
final class UserName
{
    private const WORD = '/^[A-Za-z0-9][A-Za-z0-9._-]*$/D';
    /** What sites leave beside their documents; Syncthing's copies come in two spellings. */
    private const NOT_OURS = ['.backup', '.sync-conflict-', '_sync-conflict-'];
    /** A file name's 255 bytes less `.txt`. */
    private const BYTES_MAX = 251;

    /** Returns the name; throws BadInput. */
    public static function check(string $user): string
    {
        if (strlen($user) > self::BYTES_MAX || preg_match(self::WORD, $user) !== 1) {
            throw new BadInput('Invalid user_id format');
        }
        foreach (self::NOT_OURS as $part) {
            if (str_contains("$user.txt", $part)) {
                throw new BadInput('Invalid user_id format');
            }
        }
        return $user;
    }
}
