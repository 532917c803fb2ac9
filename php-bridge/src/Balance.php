<?php

declare(strict_types=1);

namespace Axle;

/** A user's balance as it is known here. */
final class Balance
{
    /**
     * @param Amount|null $amount null: no such user is known here, which is not a balance of 0
     * @param int|string|null $lastUpdated seconds since 1970, or ISO text where the file has that
     */
    public function __construct(
        public readonly string $user,
        public readonly ?Amount $amount,
        public readonly int|string|null $lastUpdated,
    ) {
    }
}
